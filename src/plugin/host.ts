/**
 * A plugin for the length of a run: started when it is needed, ended when it is at fault, started anew
 * with back-off or when its files changed, and given up after its third fault.
 */
import { MigrascopeError, PluginError } from '../base/errors.js';
import type { Role } from './messages.generated.js';
import { PluginSession, type PluginParts } from './session.js';
import type { PluginDescription } from './types.js';

/** After so many faults a plugin is not started again. */
export const MOST_FAULTS = 3;
/** How long after its newest start a plugin is started anew, in milliseconds; doubled with each fault. */
const FIRST_BACK_OFF_MS = 1000;
const LONGEST_BACK_OFF_MS = 60_000;

export class PluginHost {
  #session: PluginSession | undefined;
  #faults = 0;
  #startedAt = -Infinity;
  #fingerprint = '';
  #closed = false;
  /** Resolves when the programs that were ended have. */
  #ending: Promise<unknown> = Promise.resolve();

  constructor(
    readonly description: PluginDescription,
    private readonly roles: readonly Role[],
    private readonly parts: PluginParts,
  ) {}

  get name(): string {
    return this.description.name;
  }

  /** How often it was at fault. */
  get faults(): number {
    return this.#faults;
  }

  /** Whether it is not started any more. */
  get givenUp(): boolean {
    return this.#faults >= MOST_FAULTS;
  }

  /** The program that runs, if one does. */
  get session(): PluginSession | undefined {
    return this.#session;
  }

  /**
   * The program: the one that runs, or, where none does, a new one.
   * @param isNew is called with a program that was just started.
   * @throws PluginError when it is given up, or it is too early to start it again; what
   * {@link PluginSession.open} throws, which is a fault.
   */
  async ready(
    signal?: AbortSignal,
    isNew?: (session: PluginSession) => Promise<void>,
  ): Promise<PluginSession> {
    if (this.#session) return this.#session;
    if (this.#closed) throw new PluginError(`The plugin ${this.name} was let go of.`);
    if (this.givenUp)
      throw new PluginError(`The plugin ${this.name} was at fault ${this.#faults} times.`);
    if (this.resting)
      throw new PluginError(`The plugin ${this.name} is not started again so soon.`);
    await this.#ending;
    this.#startedAt = this.parts.clock.now();
    this.#fingerprint = await this.#look();
    const session = await PluginSession.open(this.description, this.roles, this.parts, signal);
    this.#session = session;
    await isNew?.(session);
    return session;
  }

  /** Whether it is not started now: given up, let go of, or too early after a fault. */
  get resting(): boolean {
    if (this.#closed || this.givenUp) return true;
    const early = this.parts.clock.now() < this.#startedAt + this.#backOffMs;
    return !this.#session && this.#faults > 0 && early;
  }

  /** Notes a fault and ends the program, beside whoever calls. Never throws. */
  fault(): void {
    this.#faults++;
    void this.#end('fault');
  }

  /** Ends the program where its files changed since it was started; whether they did. Never throws. */
  async reloadIfChanged(): Promise<boolean> {
    if (!this.#session || (await this.#look()) === this.#fingerprint) return false;
    await this.#end();
    return true;
  }

  /** Ends the program for good. Idempotent; never throws. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#end();
  }

  get #backOffMs(): number {
    return Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** (this.#faults - 1));
  }

  async #end(why: 'done' | 'fault' = 'done'): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session) this.#ending = Promise.all([this.#ending, session.end(why)]);
    await this.#ending;
  }

  async #look(): Promise<string> {
    try {
      return (await this.parts.fingerprint?.(this.description)) ?? '';
    } catch (error) {
      if (error instanceof MigrascopeError) return this.#fingerprint;
      throw error;
    }
  }
}
