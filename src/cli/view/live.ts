/** The live view: redraws a frame in a terminal, at most ten times a second, and reads its keys. */
import { createLogUpdate } from 'log-update';
import { CancelledError, messageOf } from '../../base/errors.js';
import type { Decision, GateControl, MigrationEvent } from '../../engine/index.js';
import { Control, keysFor } from '../control.js';
import type { Interrupt } from '../interrupt.js';
import { readKeys } from '../keys.js';
import type { World } from '../world.js';
import { ViewModel } from './model.js';
import { questionLines, renderFrame } from './render.js';
import { renderHeader, renderRounds } from './render-parts.js';
import { renderSummary } from './render-summary.js';
import type { RunView } from './run-view.js';
import { createStyle, printable, wantsColours, type Style } from './style.js';

const FRAME_MS = 100;
/** Without news a frame is drawn this often, in frames, so that times go on. */
const IDLE_FRAMES = 5;
const ROUNDS_AT_END = 40;
const DEFAULT_WIDTH = 80;
const DEFAULT_HEIGHT = 24;

export interface LiveOptions {
  readonly world: World;
  readonly gate: GateControl;
  readonly interrupt: Interrupt;
  /** Whether the program is listed. */
  readonly stepping: boolean;
}

export class LiveView implements RunView {
  readonly model = new ViewModel();
  readonly #style: Style;
  readonly #control: Control;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #closeKeys: () => void;
  readonly #stop = new AbortController();
  readonly #drawing: Promise<void>;
  #news = true;
  #lastEventAt: number;
  #closed = false;
  /** Why nothing is drawn any more; the migration goes on without. */
  #failure: unknown;

  constructor(private readonly options: LiveOptions) {
    const { world, gate, interrupt } = options;
    this.#lastEventAt = world.clock.now();
    this.#style = createStyle(wantsColours(world.stdout, world.env));
    this.#draw = createLogUpdate(world.stdout);
    this.#control = new Control(gate, interrupt, () => (this.#news = true));
    this.#closeKeys = readKeys(world.stdin, world, (key) => this.#control.press(key));
    world.stdout.on('error', () => interrupt.leave());
    this.#drawing = this.#loop();
  }

  readonly sink = (event: MigrationEvent): void => {
    this.model.apply(event);
    this.#lastEventAt = this.options.world.clock.now();
    this.#news = true;
  };

  ready(): Promise<void> {
    return Promise.resolve();
  }

  ask(): Promise<Decision | undefined> {
    return this.#control.ask();
  }

  dismiss(): void {
    this.#control.dismiss();
  }

  note(message: string): void {
    this.model.note(message);
    this.#news = true;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop.abort();
    await this.#drawing;
    this.#closeKeys();
    this.#draw.clear();
    this.#draw.done();
    const { world } = this.options;
    for (const line of this.#lastLines()) world.stdout.write(`${line}\n`);
    if (this.#failure === undefined) return;
    world.stderr.write(`migrascope: The live view failed: ${messageOf(this.#failure)}\n`);
  }

  /** The frame as it would be drawn now. */
  frame(): string[] {
    const { stdout } = this.options.world;
    const { inspecting, showingKeys, asking } = this.#control.state;
    return renderFrame(this.model, {
      width: stdout.columns ?? DEFAULT_WIDTH,
      height: stdout.rows ?? DEFAULT_HEIGHT,
      now: this.#now(),
      style: this.#style,
      listing: this.options.stepping || this.model.heldSince !== undefined,
      inspecting,
      keys: showingKeys ? allKeys(this.options.interrupt.canLeave) : [this.#shortKeys()],
      question: asking ? this.#question() : [],
    });
  }

  async #loop(): Promise<void> {
    const { clock } = this.options.world;
    try {
      for (let frame = 0; !this.#stop.signal.aborted; frame++) {
        const ticking = this.model.pausedSince !== undefined;
        if (this.#news || ticking || frame % IDLE_FRAMES === 0) {
          this.#news = false;
          this.#draw(this.frame().join('\n'));
        }
        await clock.sleep(FRAME_MS, this.#stop.signal);
      }
    } catch (error) {
      if (!(error instanceof CancelledError)) this.#failure = error;
    }
  }

  #now(): number {
    const { model } = this;
    if (model.summary) return model.t;
    return model.t + this.options.world.clock.now() - this.#lastEventAt;
  }

  #question(): string[] {
    const { verdict } = this.model;
    return questionLines(
      verdict?.downtimeMs ?? 0,
      verdict?.pendingBytes ?? 0,
      this.model.round + 1,
    );
  }

  #shortKeys(): string {
    const { signal, canLeave } = this.options.interrupt;
    if (signal.aborted) return 'Ctrl-C again stops at once';
    const steps =
      this.model.heldSince === undefined ? 'p pause' : 's step   b batch   r round   c run';
    return `${steps}   i inspect${canLeave ? '   d detach' : ''}   q cancel   ? keys`;
  }

  #lastLines(): string[] {
    const { model } = this;
    const style = this.#style;
    const width = (this.options.world.stdout.columns ?? DEFAULT_WIDTH) - 1;
    if (!model.summary) return [];
    const rounds =
      model.rounds().length > 0 ? [...renderRounds(model, width, ROUNDS_AT_END, style), ''] : [];
    return [
      ...renderHeader(model, width, model.t, style),
      '',
      ...rounds,
      ...model.notes.flatMap(({ message, hint }) => noteLines(message, hint, style)),
      ...renderSummary(model, width, style),
    ];
  }
}

function noteLines(message: string, hint: string | undefined, style: Style): string[] {
  const lines = [style.warning(`! ${printable(message)}`)];
  if (hint) lines.push(style.quiet(`  ${printable(hint)}`));
  return lines;
}

function allKeys(canLeave: boolean): string[] {
  return keysFor(canLeave).map(({ keys, action }) => `${keys.padEnd(16)}${action}`);
}
