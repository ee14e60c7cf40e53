/** Cancelling at each statement, before it, in it, and at a gate; nothing hangs, nothing is left. */
import { describe, expect, it } from 'vitest';
import { HypervisorError } from '../../../src/base/errors.js';
import { ControlledGate, openGate, type Gate } from '../../../src/engine/gate.js';
import { PROGRAM } from '../../../src/engine/program.js';
import type { Operation } from '../support/faults.js';
import { MemoryLab } from '../support/memory-lab.js';
import {
  eventsOf,
  linesOf,
  migrateInLab,
  type Asked,
  type Watched,
} from '../support/migrate-in-lab.js';
import { expectPutBack } from './put-back.js';

const LINES = PROGRAM.map((_, index) => index + 1);

/** A gate that does something before the statement of a number is passed, and then lets it pass. */
function gateThat(line: number, action: () => void): Gate {
  return {
    pass: async (point, onHold, signal) => {
      if (point.line === line) action();
      await openGate.pass(point, onHold, signal);
    },
  };
}

function expectCancelled(lab: MemoryLab, watched: Watched): void {
  expect(watched.error).toMatchObject({
    kind: 'cancelled',
    message: 'The migration was cancelled.',
  });
  expectPutBack(lab, watched, 'cancelled');
}

/** The switchover has been done: what is left is to give the guest back. */
function expectOnDestination(lab: MemoryLab, watched: Watched): void {
  expect(watched.error).toMatchObject({
    kind: 'cancelled',
    message: 'The migration was cancelled after its switchover.',
  });
  expect(lab.guest.running).toBe(true);
  expect(lab.guest.disk).toBe(lab.destination);
  expect(lab.outcome).toBe('keep');
  expect(watched.summary).toMatchObject({
    switchedOver: true,
    guest: 'running',
    outcome: 'cancelled',
  });
}

describe.each(['plain', 'cache'] as const)('cancelling a migration by policy %s', (policy) => {
  it.each(LINES)('at the gate before statement %i', async (line) => {
    const lab = new MemoryLab({ seed: line });
    const cancel = new AbortController();
    const gate = gateThat(line, () => cancel.abort());
    const watched = await migrateInLab(lab, { policy, pivot: true, gate, signal: cancel.signal });
    if (line === 18) expectOnDestination(lab, watched);
    else expectCancelled(lab, watched);
    expect(linesOf(watched)).not.toContain(line);
  });

  it.each(LINES)('held at the gate before statement %i', async (line) => {
    const lab = new MemoryLab({ seed: line });
    const cancel = new AbortController();
    const gate = new ControlledGate('held');
    const onEvent: Asked['onEvent'] = (event) => {
      if (event.type !== 'held') return;
      if (event.line === line) cancel.abort();
      else gate.step('statement');
    };
    const asked: Asked = { policy, pivot: true, gate, onEvent, signal: cancel.signal };
    const watched = await migrateInLab(lab, asked);
    if (line === 18) expectOnDestination(lab, watched);
    else expectCancelled(lab, watched);
    expect(eventsOf(watched.events, 'held').at(-1)?.line).toBe(line);
  });

  it.each(LINES)('while statement %i is executed', async (line) => {
    const lab = new MemoryLab({ seed: line, writesPerSecond: 10 });
    const cancel = new AbortController();
    const onEvent: Asked['onEvent'] = (event) => {
      if (event.type === 'statement' && event.line === line) cancel.abort();
    };
    const watched = await migrateInLab(lab, {
      policy,
      pivot: true,
      onEvent,
      signal: cancel.signal,
    });
    if (line < 18) expectCancelled(lab, watched);
    else {
      expect(watched.error).toBeUndefined();
      expect(lab.guest.disk).toBe(lab.destination);
      expect(lab.guest.running).toBe(true);
    }
  });
});

describe('cancelling', () => {
  it('before it began does nothing at all', async () => {
    const lab = new MemoryLab();
    const watched = await migrateInLab(lab, { signal: AbortSignal.abort() });
    expectCancelled(lab, watched);
    expect(watched.events.map(({ type }) => type)).toEqual(['error', 'summary']);
    expect([...lab.faults.calls]).toEqual([]);
  });

  const HANGING: readonly Operation[] = [
    'hypervisor.connect',
    'hypervisor.disks',
    'hypervisor.openSource',
    'hypervisor.openPivot',
    'hypervisor.probeAddress',
    'probe.connect',
    'probe.trim',
    'source.connect',
    'destination.connect',
    'source.startTracking',
    'source.blockStatus',
    'destination.writeZeroes',
    'probe.snapshot',
    'source.read',
    'destination.write',
    'probe.drain',
    'destination.read',
    'hypervisor.runState',
    'hypervisor.pause',
    'destination.flush',
  ];

  it.each(HANGING)('ends a hanging %s', async (at) => {
    const lab = new MemoryLab({ writesPerSecond: 30 });
    const cancel = new AbortController();
    lab.faults.add({ at, does: 'hang' });
    void lab.clock.sleep(60_000).then(() => cancel.abort());
    const asked: Asked = { policy: 'cache', pivot: true, trim: true, signal: cancel.signal };
    const watched = await migrateInLab(lab, asked);
    expectCancelled(lab, watched);
    expect(watched.summary.totalMs).toBeGreaterThanOrEqual(60_000);
  });

  it('ends the wait for a decision', async () => {
    const lab = new MemoryLab({ writesPerSecond: 300, direct: 1 });
    const cancel = new AbortController();
    const decide = () => {
      void lab.clock.sleep(5000).then(() => cancel.abort());
      return new Promise<never>(() => undefined);
    };
    const asked: Asked = { policy: 'plain', maxRounds: 2, decide, signal: cancel.signal };
    expectCancelled(lab, await migrateInLab(lab, asked));
  });

  it('in the middle of the switchover lets it end: the guest goes on with the destination', async () => {
    const lab = new MemoryLab();
    const cancel = new AbortController();
    lab.faults.add({ at: 'pivot.switchOver', does: () => cancel.abort() });
    const watched = await migrateInLab(lab, { pivot: true, signal: cancel.signal });
    expectOnDestination(lab, watched);
  });

  it('tells what failed, not the cancel, when a switchover fails in which it was asked for', async () => {
    const lab = new MemoryLab();
    const cancel = new AbortController();
    const error = new HypervisorError('Swapping disk0 failed.');
    lab.faults.add({
      at: 'pivot.switchOver',
      does: () => {
        cancel.abort();
        throw error;
      },
    });
    const watched = await migrateInLab(lab, { pivot: true, signal: cancel.signal });
    expect(watched.error).toBe(error);
    expectPutBack(lab, watched);
  });
});
