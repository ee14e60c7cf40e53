/** The last event of a run. */
import { CancelledError, type MigrascopeError } from '../base/errors.js';
import type { EventBody } from './events.js';
import { policyName } from './planning.js';
import type { Run } from './run.js';

/** What the run came to; `error` is why it did not complete. */
export function summarize(
  run: Run,
  error: MigrascopeError | undefined,
): EventBody & { type: 'summary' } {
  const { connected, options } = run;
  const ledger = connected?.ledger;
  const plain = run.shadow?.result();
  return {
    type: 'summary',
    run: run.parts.run,
    outcome: outcomeOf(error),
    policy: policyName(options, run.parts),
    sentBytes: ledger?.sentBytes ?? 0,
    resentBytes: ledger?.resentBytes ?? 0,
    distinctBytes: ledger?.distinctBytes ?? 0,
    zeroBytes: ledger?.zeroBytes ?? 0,
    deferredBytes: connected ? run.bytesOf(connected.ledger.everDeferred) : 0,
    sendAmplification: ledger?.sendAmplification ?? 1,
    rounds: run.round + 1,
    totalMs: run.parts.clock.now() - run.startedMs,
    downtimeMs: run.downtimeMs,
    heldMs: run.heldMs,
    converged: run.converged,
    verified: error === undefined && run.comparedAll,
    verifiedBytes: run.verifiedBytes,
    switchedOver: run.switchedOver,
    guest: run.guestState,
    disk: run.diskName,
    probe: connected?.cache.method ?? 'none',
    fallback: connected?.cache.lost ?? false,
    plainBytes: plain?.bytes ?? null,
    plainIsLowerBound: plain?.isLowerBound ?? false,
  };
}

function outcomeOf(error: MigrascopeError | undefined): 'completed' | 'cancelled' | 'failed' {
  if (!error) return 'completed';
  return error instanceof CancelledError ? 'cancelled' : 'failed';
}
