/**
 * Lets the guest's dirty pages wait longer, for a while: settings of its kernel are raised, never
 * lowered, and put back in the end unless somebody else has changed them meanwhile.
 */
import type { Clock } from '../../base/clock.js';
import { CancelledError } from '../../base/errors.js';
import type { Guest, GuestSettings } from '../guest/types.js';
import type { Bell } from './bell.js';
import type { HoldRequest } from './requests.js';

type Raised = Pick<GuestSettings, 'dirtyRatio' | 'dirtyBackgroundRatio' | 'dirtyExpireCentisecs'>;

/** The greater limit comes first. */
const RAISED: Raised = {
  dirtyRatio: 40,
  dirtyBackgroundRatio: 25,
  dirtyExpireCentisecs: 60_000,
};
const NAMES = ['dirtyRatio', 'dirtyBackgroundRatio', 'dirtyExpireCentisecs'] as const;

export class Steering {
  #before: Partial<Raised> = {};
  #held: AbortController | undefined;
  #heardMs = 0;

  /** @param bell is rung when the guest runs again: the times are the guest's own. */
  constructor(
    private readonly guest: Guest,
    private readonly clock: Clock,
    private readonly bell: Bell,
  ) {}

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** The host sent something. */
  heard(): void {
    this.#heardMs = this.guest.monotonicMs;
  }

  /** Raises the settings, until one of the times has passed or it is released; anew where they are raised already. */
  hold(request: HoldRequest): void {
    this.release();
    const { settings } = this.guest;
    const raised = NAMES.filter((name) => settings[name] < RAISED[name]);
    this.#before = Object.fromEntries(raised.map((name) => [name, settings[name]]));
    this.guest.set(Object.fromEntries(raised.map((name) => [name, RAISED[name]])));
    const held = new AbortController();
    this.#held = held;
    this.heard();
    void this.#keep(request, this.guest.monotonicMs + request.forMs, held.signal);
  }

  /** Puts everything back. Idempotent. */
  release(): void {
    if (!this.#held) return;
    this.#held.abort();
    this.#held = undefined;
    this.guest.advance(this.clock.now());
    const { settings } = this.guest;
    const ours = Object.entries(this.#before).filter(
      ([name]) => settings[name as keyof Raised] === RAISED[name as keyof Raised],
    );
    this.#before = {};
    if (ours.length > 0) this.guest.set(Object.fromEntries(ours));
  }

  /** Waits until the time is over on the guest's clock, which stands while the guest does. */
  async #keep({ silenceMs }: HoldRequest, endMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.guest.advance(this.clock.now());
      const leftMs = Math.min(endMs, this.#heardMs + silenceMs) - this.guest.monotonicMs;
      if (leftMs <= 0) this.release();
      else if (!this.guest.running) await this.bell.wait(signal);
      else await this.#sleep(Math.ceil(leftMs), signal);
    }
  }

  async #sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    try {
      await this.clock.sleep(milliseconds, signal);
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
    }
  }
}
