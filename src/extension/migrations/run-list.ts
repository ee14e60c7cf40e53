/** The runs of this machine and user; those that go on are followed. */
import * as vscode from 'vscode';
import type { RunInfo } from '../../service/types.js';
import type { Core } from '../core.js';
import { Follower } from './follower.js';

const MOST_RUNS = 20;
/** While somebody looks, or something runs, in milliseconds. */
const REFRESH_MS = 2000;

export class RunList implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<string | undefined>();
  readonly onChanged = this.#changed.event;
  readonly #moments = new vscode.EventEmitter<Follower>();
  /** A followed run has new figures. */
  readonly onMoment = this.#moments.event;
  readonly #followers = new Map<string, Follower>();
  #runs: readonly RunInfo[] = [];
  #visible = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly core: Core) {}

  get runs(): readonly RunInfo[] {
    return this.#runs;
  }

  get running(): readonly RunInfo[] {
    return this.#runs.filter(({ state }) => state === 'running');
  }

  follower(run: string): Follower | undefined {
    return this.#followers.get(run);
  }

  async refresh(): Promise<void> {
    clearTimeout(this.#timer);
    const before = JSON.stringify(this.#runs);
    this.#runs = await this.core.service.ask('run.list', { most: MOST_RUNS });
    for (const { run } of this.running) this.#follow(run);
    for (const [run, follower] of this.#followers) {
      const gone = !this.#runs.some((each) => each.run === run);
      if (gone) follower.dispose();
      if (gone) this.#followers.delete(run);
    }
    if (JSON.stringify(this.#runs) !== before) this.#changed.fire(undefined);
    await vscode.commands.executeCommand(
      'setContext',
      'migrascope.hasRunning',
      this.running.length > 0,
    );
    this.#plan();
  }

  /** Whether somebody looks at the list. */
  watch(visible: boolean): void {
    this.#visible = visible;
    if (visible) void this.refreshQuietly();
  }

  /** What fails is logged: the next look may succeed. */
  async refreshQuietly(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      this.core.log.warn(error instanceof Error ? error.message : String(error));
      this.#plan();
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const follower of this.#followers.values()) follower.dispose();
    this.#changed.dispose();
    this.#moments.dispose();
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (!this.#visible && this.running.length === 0) return;
    this.#timer = setTimeout(() => void this.refreshQuietly(), REFRESH_MS);
  }

  #follow(run: string): void {
    const before = this.#followers.get(run);
    if (before && before.trouble === undefined) return;
    // It was gone on with, or could not be followed for a while.
    before?.dispose();
    const follower = new Follower(this.core, run);
    this.#followers.set(run, follower);
    follower.onChanged(() => {
      this.#moments.fire(follower);
      this.#changed.fire(run);
    });
  }
}
