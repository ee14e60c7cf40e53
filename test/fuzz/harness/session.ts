/** A reader that waits: it is told an input, and whatever it promised has to settle in few turns of the event loop. */
import { chunksOf, type FuzzInput } from './input.js';
import { FuzzClock, type Tape } from './tape.js';
import { kindOf, TAKEN, Violation, type Verdict } from './target.js';

/** Turns of the event loop in which everything has to settle that can, once the peer has left. */
const TURNS = 40;
/** Turns between two timers. */
const TURNS_OF_A_TIMER = 5;
/** Timers of the reader that may fire, one after the other, until it gives up a silent peer. */
const MOST_TIMERS = 400;

/** Lets everything run that can run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Watched {
  readonly what: string;
  settled: boolean;
  error?: unknown;
}

export class Session {
  readonly #watched: Watched[] = [];

  constructor(
    readonly tape: Tape,
    readonly clock = new FuzzClock(),
  ) {}

  /** From now on `promise` has to settle, and with a typed error where it rejects. */
  watch(what: string, promise: Promise<unknown>): void {
    const watched: Watched = { what, settled: false };
    this.#watched.push(watched);
    promise.then(
      () => (watched.settled = true),
      (error: unknown) => {
        watched.settled = true;
        watched.error = error;
      },
    );
  }

  /**
   * Tells the reader all of an input, its end included.
   * @param translate what the peer can only know once the reader has spoken.
   */
  async tell(input: FuzzInput, translate = (bytes: Buffer): Buffer => bytes): Promise<void> {
    for (const said of input.turns) {
      await turn();
      for (const [chunk, pause] of chunksOf(translate(said), input.cuts)) {
        this.tape.deliver(chunk);
        if (pause) await turn();
      }
    }
    await turn();
    this.tape.hangUp(input.ending);
  }

  /**
   * Waits until everything has settled. A peer that left is noticed without any time going by;
   * against a silent one the reader's timers help it, and in the end `close`.
   * @param naps timers that may fire after the end: of a reader that sleeps and does not listen.
   * @throws Violation when something never settles.
   */
  async settle({ ending }: FuzzInput, close: () => void, naps = 0): Promise<Verdict> {
    if (ending === 'silence') {
      for (let fired = 0; !(await this.#quiet(TURNS_OF_A_TIMER)); fired++) {
        if (fired > MOST_TIMERS) throw this.#hung(`after ${MOST_TIMERS} timers`);
        if (!this.clock.leap()) break;
      }
      close();
    }
    for (let left = naps; !(await this.#quiet()); left--) {
      if (left === 0 || !this.clock.leap()) throw this.#hung(`${TURNS} turns after the end`);
    }
    close();
    await turn();
    return this.verdict();
  }

  /** @throws Violation when something of the reader still waits for the clock. */
  async expectNoTimers(): Promise<void> {
    for (let turns = 0; this.clock.waiting > 0; turns++) {
      if (turns === TURNS) throw new Violation(`${this.clock.waiting} timers are left at the end.`);
      await turn();
    }
  }

  /** The kind of the first refusal. */
  verdict(): Verdict {
    const kinds = this.#watched
      .filter(({ error }) => error !== undefined)
      .map(({ error }) => {
        if (error instanceof Violation) throw error;
        return kindOf(error);
      });
    return kinds[0] ?? TAKEN;
  }

  async #quiet(most = TURNS): Promise<boolean> {
    for (let turns = 0; this.#watched.some(({ settled }) => !settled); turns++) {
      if (turns === most) return false;
      await turn();
    }
    return true;
  }

  #hung(when: string): Violation {
    const waiting = this.#watched.filter(({ settled }) => !settled).map(({ what }) => what);
    return new Violation(`Still waiting ${when}: ${waiting.join(', ')}.`);
  }
}
