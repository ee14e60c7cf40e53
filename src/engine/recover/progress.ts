/** How far a run was: what its journal tells, and nothing else. */
import { JournalError } from '../../base/errors.js';
import { madeImage } from '../../hypervisor/index.js';
import { resumeOwed } from '../guardian/resume-owed.js';
import type { JournalRecord } from '../runs/types.js';
import type { Progress, Stage } from './types.js';

type RecordOf<T extends JournalRecord['type']> = Extract<JournalRecord, { type: T }>;

/** The action by which a journal says that the guest was found on its source after all jobs of the run were gone. */
export const FOUND_ON_SOURCE = 'found-on-source';

/**
 * Pure.
 * @param records of one run, in the order in which they were written.
 * @throws JournalError when they do not begin as a journal does.
 */
export function progressOf(records: readonly JournalRecord[]): Progress {
  const begin = first(records, 'begin');
  if (!begin) throw new JournalError('The journal does not say which run it is of.');
  const changes = records.filter((record) => record.type === 'change');
  const source = first(records, 'source');
  const taken = records.findLastIndex((record) => record.type === 'taken-over');
  const latest = records.slice(taken + 1);
  const switching = first(latest, 'switching');
  const acts = latest.filter((record) => record.type === 'guardian');
  const guardian = acts.find(({ act }) => act === 'resumed') ?? acts.at(-1);
  const image = madeImage(changes);
  const has = (type: JournalRecord['type']) => first(latest, type) !== undefined;
  return {
    run: begin.run,
    host: begin.host,
    begunAt: begin.at,
    stage: stageOf((type) => has(type) || (taken >= 0 && COME_TO_ROUNDS.includes(type))),
    resumed: has('resumed'),
    cleaning: has('cleaning'),
    debt: resumeOwed(records),
    foundOnSource: latest.some(
      (record) => record.type === 'change' && record.action === FOUND_ON_SOURCE,
    ),
    pivot: begin.options.pivot,
    destination: begin.options.destination,
    changes,
    ...(guardian ? { guardian } : {}),
    ...(source ? { source } : {}),
    ...(switching ? { switching } : {}),
    ...(image ? { image } : {}),
  };
}

/** A run that was taken over had come as far as this. */
const COME_TO_ROUNDS: readonly JournalRecord['type'][] = ['source', 'tracking'];

function stageOf(has: (type: JournalRecord['type']) => boolean): Stage {
  if (has('switched')) return 'switched';
  if (has('switching')) return 'switching';
  if (has('pausing')) return 'paused';
  if (has('tracking')) return 'in-rounds';
  return has('source') ? 'before-tracking' : 'not-begun';
}

function first<T extends JournalRecord['type']>(
  records: readonly JournalRecord[],
  type: T,
): RecordOf<T> | undefined {
  return records.find((record): record is RecordOf<T> => record.type === type);
}
