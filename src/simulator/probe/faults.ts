/** What can be made to go wrong with a simulated probe. */

/** What happens once, in the middle of the next request of a method. */
export interface ProbeMishap {
  readonly during: 'snapshot' | 'drain' | 'trim';
  /** `hang`: nothing more is answered; `die`: the stream ends; `restart`: a new probe says hello. */
  readonly does: 'hang' | 'die' | 'restart';
}

/** Faults of a probe, all off at first; each may be set and set back at any time. */
export class ProbeFaults {
  #hangs = false;

  /** @param onChange is called when the probe may go on. */
  constructor(private readonly onChange: () => void) {}

  /** Nothing is answered; what comes meanwhile waits. */
  get hangs(): boolean {
    return this.#hangs;
  }

  set hangs(hangs: boolean) {
    this.#hangs = hangs;
    if (!hangs) this.onChange();
  }

  /**
   * Each answer, and each report's first line, comes so much later than it was made, in
   * milliseconds; what was asked next waits until then.
   */
  lateMs = 0;
  /** Reports end with a checksum that does not fit. */
  wrongChecksum = false;
  /** Reports have at most so many extents, and say that they are not whole. */
  mostExtents: number | undefined;
  /** Reports have no clean pages, although they say that they do. */
  forgetsClean = false;
  /** Is taken back once it has happened. */
  mishap: ProbeMishap | undefined;
}
