/** Whether a run owes its guest a resume: by its journal, and by nothing else. */
import type { JournalRecord } from '../runs/types.js';

/** What a journal says of the guest. */
export interface Debt {
  /** The guest was paused by the run, or is about to be, and was not given back its run state. */
  readonly owed: boolean;
  /** The guest goes on in another hypervisor: resuming it here would let two of it run. */
  readonly elsewhere: boolean;
  /** Why, as a sentence. */
  readonly reason: string;
}

/** @param records of one run, in the order in which they were written. */
export function resumeOwed(records: readonly JournalRecord[]): Debt {
  let debt: Debt = {
    owed: false,
    elsewhere: false,
    reason: 'The run never began to pause the guest.',
  };
  for (const record of records) {
    if (record.type === 'switched' && record.scope === 'guest') {
      const reason = 'The switchover committed: the guest goes on in another hypervisor.';
      return { owed: false, elsewhere: true, reason };
    }
    if (record.type === 'pausing') debt = debtOfPause(record.before.running);
    if (record.type === 'resumed') debt = settled('The run gave the guest back its run state.');
    if (record.type === 'guardian' && record.act === 'resumed')
      debt = settled('The guardian resumed the guest.');
  }
  return debt;
}

function debtOfPause(ran: boolean): Debt {
  if (!ran) return settled('The guest was paused already when the run came to it.');
  const reason = 'The run paused the guest, and did not resume it.';
  return { owed: true, elsewhere: false, reason };
}

function settled(reason: string): Debt {
  return { owed: false, elsewhere: false, reason };
}
