/** What must hold after a migration that ended before its switchover. */
import { expect } from 'vitest';
import type { MemoryLab } from '../support/memory-lab.js';
import type { Watched } from '../support/migrate-in-lab.js';

/** The guest has what it had before the migration, and whoever asks is told so. */
export function expectPutBack(
  lab: MemoryLab,
  watched: Watched,
  outcome: 'failed' | 'cancelled' = 'failed',
): void {
  expect(lab.guest.running).toBe(true);
  expect(lab.switchedOver).toBe(false);
  expect(lab.guest.disk).toBe(lab.source);
  const opened = (lab.faults.calls.get('destination.release') ?? 0) > 0;
  expect(lab.outcome).toBe(opened ? 'discard' : undefined);
  expect(watched.summary).toMatchObject({ outcome, switchedOver: false, verified: false });
  const types = watched.events.map(({ type }) => type);
  expect(types.filter((type) => type === 'error' || type === 'summary')).toEqual([
    'error',
    'summary',
  ]);
}
