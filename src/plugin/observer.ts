/**
 * A plugin that watches a run. Events never wait for it: what it does not read in time is left out, and it
 * is told which. What it does wrong is told once, and it is not asked again.
 */
import { messageOf } from '../base/errors.js';
import { RefusedRequest } from './channel.js';
import { CODES, END_PATIENCE_MS } from './methods.js';
import type { HostPauseParams, ObserverEventParams } from './messages.generated.js';
import { PluginSession, type PluginParts } from './session.js';
import type { PluginDescription } from './types.js';

/** Bytes that may wait for an observer. */
const MOST_WAITING = 16 * 1024 * 1024;
/** Events that may wait until it has started. */
const MOST_EARLY = 10_000;
/** How often it is looked whether it has read all, at the end, in milliseconds. */
const LOOK_MS = 20;

type ObservedEvent = ObserverEventParams['event'];

export interface ObserverParts extends PluginParts {
  /** Holds the program before its next statement. @throws RefusedRequest. */
  pause(reason: string): void;
  /** Tells the person that the observer does not watch any more. */
  warn(message: string): void;
}

export class PluginObserver {
  #session: PluginSession | undefined;
  #early: ObservedEvent[] = [];
  #missed: { from: number; count: number } | undefined;
  #over = false;
  #ending: Promise<unknown> | undefined;
  readonly #opening: Promise<void>;

  /** Starts it, beside whoever calls. */
  constructor(
    private readonly description: PluginDescription,
    private readonly parts: ObserverParts,
  ) {
    this.#opening = this.#open();
  }

  /** Hands an event on. Never throws and never waits. */
  readonly sink = (event: ObservedEvent): void => {
    if (this.#over) return;
    if (!this.#session) {
      if (this.#early.length < MOST_EARLY) this.#early.push(event);
      else this.#miss(event);
    } else this.#tell(this.#session, event);
  };

  /** Lets it read what is left, for a while, and ends it. Idempotent; never throws. */
  async close(): Promise<void> {
    await this.#opening;
    await this.#ending;
    const session = this.#session;
    const { clock } = this.parts;
    const until = clock.now() + END_PATIENCE_MS;
    while (session && !session.channel.failure && session.channel.backlog > 0) {
      if (clock.now() >= until) break;
      await clock.sleep(LOOK_MS);
    }
    this.#over = true;
    await session?.end();
  }

  async #open(): Promise<void> {
    const { description, parts } = this;
    try {
      const session = await PluginSession.open(description, ['observer'], {
        ...parts,
        request: (method, params) => this.#request(method, params),
      });
      this.#session = session;
      for (const event of this.#early) this.#tell(session, event);
      void session.channel.ended.then((error) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
    this.#early = [];
  }

  #tell({ channel, capabilities }: PluginSession, event: ObservedEvent): void {
    const { events } = capabilities.observer ?? {};
    if (events && !events.includes(event.type)) return;
    if (channel.backlog > MOST_WAITING) {
      this.#miss(event);
      return;
    }
    if (this.#missed) channel.notify('observer/missed', this.#missed);
    this.#missed = undefined;
    channel.notify('observer/event', { event });
  }

  #miss({ seq }: ObservedEvent): void {
    this.#missed = { from: this.#missed?.from ?? seq, count: (this.#missed?.count ?? 0) + 1 };
  }

  #request(method: string, params: unknown): Promise<object> {
    const refuse = (message: string) => Promise.reject(new RefusedRequest(CODES.refused, message));
    if (method !== 'host/pause') return refuse(`${method} is not for an observer.`);
    if (this.#session?.capabilities.observer?.pauses !== true)
      return refuse('The observer did not say that it asks for pauses.');
    try {
      this.parts.pause((params as HostPauseParams).reason);
      return Promise.resolve({});
    } catch (error) {
      return refuse(messageOf(error));
    }
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const { name } = this.description;
    this.parts.warn(`The observer ${name} does not watch any more: ${messageOf(error)}`);
    this.#ending = this.#session?.end('fault');
  }
}
