/** What the engine has of a guardian: a lease on the guest's pause. */

/** Held while the program has the guest paused: when it is not renewed, the guardian resumes the guest. */
export interface Lease {
  /**
   * Gets a guardian ready that can reach the guest. Idempotent; before the pause, since it takes a while.
   * @throws LeaseError when there can be none.
   */
  prepare(signal: AbortSignal): Promise<void>;
  /**
   * Takes the lease; it renews itself from then on.
   * @param onLost is called once when the lease is lost while it is held.
   * @throws LeaseError when there is no guardian; nobody watches then.
   */
  take(signal: AbortSignal, onLost: (error: Error) => void): Promise<void>;
  /**
   * Asks the guardian, and waits for its answer, whether the lease is held still.
   * @throws LeaseError when it is not, or no answer came in time.
   */
  confirm(signal: AbortSignal): Promise<void>;
  /** Gives the lease back, and lets the guardian end: nobody has to be resumed. Idempotent; fit for every state. */
  release(): Promise<void>;
  /** Leaves the guest to the guardian for good: it could not be resumed from here. Idempotent. */
  abandon(): Promise<void>;
}
