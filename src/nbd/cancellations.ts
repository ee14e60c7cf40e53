/** Many waits on few AbortSignals: one listener for each signal, however many wait. */

export class Cancellations {
  readonly #watched = new Map<AbortSignal, { actions: Set<() => void>; listener: () => void }>();

  /**
   * Calls `action` once when `signal` aborts, which must not have happened yet.
   * @returns what ends the watch.
   */
  watch(signal: AbortSignal, action: () => void): () => void {
    let watched = this.#watched.get(signal);
    if (!watched) {
      watched = { actions: new Set(), listener: () => this.#abort(signal) };
      this.#watched.set(signal, watched);
      signal.addEventListener('abort', watched.listener, { once: true });
    }
    const { actions, listener } = watched;
    actions.add(action);
    return () => {
      if (!actions.delete(action) || actions.size > 0) return;
      signal.removeEventListener('abort', listener);
      this.#watched.delete(signal);
    };
  }

  #abort(signal: AbortSignal): void {
    const actions = this.#watched.get(signal)?.actions;
    this.#watched.delete(signal);
    for (const action of [...(actions ?? [])]) action();
  }
}
