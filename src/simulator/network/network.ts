/** The network between simulated hosts: how fast it is, how far it reaches, and when it breaks. */
import type { Clock } from '../../base/clock.js';
import { UsageError } from '../../base/errors.js';

export interface NetworkSettings {
  /** In each direction, shared by all connections; more than 0, Infinity for no bound. */
  readonly bytesPerSecond: number;
  /** From one side to the other, in milliseconds. */
  readonly delayMs: number;
}

/** A connection that a network can break. */
export interface Breakable {
  /** Both sides lose it, and what is on its way. */
  break(): void;
}

/** One direction of a network. */
export class Link {
  #freeMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly settings: () => NetworkSettings,
  ) {}

  /** Takes the link for so many bytes, once what was sent before is through. @returns when they arrive, on its clock. */
  send(bytes: number): number {
    const { bytesPerSecond, delayMs } = this.settings();
    this.#freeMs = Math.max(this.clock.now(), this.#freeMs) + (bytes * 1000) / bytesPerSecond;
    return this.#freeMs + delayMs;
  }
}

export class SimulatedNetwork {
  readonly #connections = new Set<Breakable>();
  #settings: NetworkSettings = { bytesPerSecond: Infinity, delayMs: 0 };
  /** From the first end of each connection to the second, and back. */
  readonly forth: Link;
  readonly back: Link;

  /**
   * @param settings no bound and no delay unless given.
   * @throws UsageError when they can't be.
   */
  constructor(
    readonly clock: Clock,
    settings: Partial<NetworkSettings> = {},
  ) {
    this.forth = new Link(clock, () => this.#settings);
    this.back = new Link(clock, () => this.#settings);
    this.set(settings);
  }

  get settings(): NetworkSettings {
    return this.#settings;
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Changes what is given; for what is sent from now on.
   * @throws UsageError when it can't be.
   */
  set(change: Partial<NetworkSettings>): void {
    const settings = { ...this.#settings, ...change };
    if (!(settings.bytesPerSecond > 0))
      throw new UsageError(
        `A network of ${settings.bytesPerSecond} bytes a second can't be simulated: it must be more than 0.`,
      );
    if (!(settings.delayMs >= 0 && settings.delayMs < Infinity))
      throw new UsageError(
        `A network with a delay of ${settings.delayMs} ms can't be simulated: it must be 0 or more.`,
      );
    this.#settings = settings;
  }

  /** Breaks every connection, as a router does that is started anew; later ones are not concerned. */
  cut(): void {
    for (const connection of [...this.#connections]) connection.break();
  }

  /** A connection goes over this network from now on. @returns how it is told that it is over. */
  join(connection: Breakable): () => void {
    this.#connections.add(connection);
    return () => this.#connections.delete(connection);
  }
}
