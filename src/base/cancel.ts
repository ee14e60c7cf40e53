/** Cancelling what waits, by AbortSignal. */
import { CancelledError } from './errors.js';

/** @throws CancelledError when `signal` has been aborted; its reason, where it is an Error, becomes the cause. */
export function throwIfCancelled(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw new CancelledError(`${what} was cancelled.`, { cause: signal.reason });
}

/**
 * Settles as `promise` does, or rejects as soon as `signal` aborts; `promise` itself goes on unheard.
 * @throws CancelledError when `signal` aborts first.
 */
export async function cancellable<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  what: string,
): Promise<T> {
  if (!signal) return promise;
  promise.catch(() => undefined);
  throwIfCancelled(signal, what);
  let onAbort: () => void;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new CancelledError(`${what} was cancelled.`, { cause: signal.reason }));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  return Promise.race([promise, aborted]).finally(() =>
    signal.removeEventListener('abort', onAbort),
  );
}
