/** What the engine does with a lease: when it is taken, confirmed and given back, and what a lost one means. */
import { describe, expect, it } from 'vitest';
import { HypervisorError, LeaseError } from '../../../src/base/errors.js';
import type { Lease } from '../../../src/engine/guardian/index.js';
import { MemoryLab } from '../support/memory-lab.js';
import { eventsOf, migrateInLab } from '../support/migrate-in-lab.js';
import { expectPutBack } from './put-back.js';

const lost = new LeaseError('The guardian ended.');

/** A lease that writes down what is done with it, and can be lost. */
class FakeLease implements Lease {
  readonly calls: string[] = [];
  state: 'free' | 'held' | 'lost' = 'free';
  refuses: 'prepare' | 'take' | undefined;
  onLost: (error: Error) => void = () => undefined;
  /** Is called at each confirmation, from 1. */
  atConfirm: (count: number) => void = () => undefined;
  #confirmed = 0;

  constructor(private readonly lab: MemoryLab) {}

  #call(name: string): void {
    this.calls.push(`${name} ${this.lab.guest.running ? 'running' : 'paused'}`);
  }

  prepare(): Promise<void> {
    this.#call('prepare');
    return this.refuses === 'prepare' ? Promise.reject(lost) : Promise.resolve();
  }

  take(_: AbortSignal, onLost: (error: Error) => void): Promise<void> {
    this.#call('take');
    if (this.refuses === 'take') return Promise.reject(lost);
    this.state = 'held';
    this.onLost = onLost;
    return Promise.resolve();
  }

  confirm(): Promise<void> {
    this.#call('confirm');
    this.atConfirm(++this.#confirmed);
    return this.state === 'held' ? Promise.resolve() : Promise.reject(lost);
  }

  release(): Promise<void> {
    this.#call('release');
    return Promise.resolve();
  }

  abandon(): Promise<void> {
    this.#call('abandon');
    return Promise.resolve();
  }

  lose(): void {
    this.state = 'lost';
    this.onLost(lost);
  }
}

describe('a lease', () => {
  it('is taken before the pause, confirmed before each step, and given back after the resume', async () => {
    const lab = new MemoryLab();
    const lease = new FakeLease(lab);
    await migrateInLab(lab, { pivot: true, lease });
    expect(lease.calls).toEqual([
      ...['prepare running', 'take running', 'confirm running'],
      // The gates of 16 and 17; before the switchover, before its commit.
      ...['confirm paused', 'confirm paused', 'confirm paused', 'confirm paused'],
      ...['release running', 'release running'],
    ]);
    expect(lab.switchedOver).toBe(true);
  });

  it('is not taken for a guest that was found paused', async () => {
    const lab = new MemoryLab({ foundPaused: true });
    const lease = new FakeLease(lab);
    await migrateInLab(lab, { pivot: true, lease });
    expect(lease.calls).toEqual(['prepare paused', 'release paused', 'release paused']);
  });

  it.each(['prepare', 'take'] as const)(
    'that can not be had (%s) refuses the pause',
    async (step) => {
      const lab = new MemoryLab();
      const lease = new FakeLease(lab);
      lease.refuses = step;
      const watched = await migrateInLab(lab, { pivot: true, lease });
      expectPutBack(lab, watched);
      expect(watched.error).toBe(lost);
      expect(lab.faults.calls.has('hypervisor.pause')).toBe(false);
      expect(lab.resumes).toBe(0);
      expect(eventsOf(watched.events, 'resumed')).toEqual([]);
    },
  );

  it.each([1, 2, 3, 4])(
    'that is lost at confirmation %i ends the program: the guest on its source',
    async (nth) => {
      const lab = new MemoryLab({ direct: 1 });
      const lease = new FakeLease(lab);
      lease.atConfirm = (count) => count === nth && (lease.state = 'lost');
      const watched = await migrateInLab(lab, { pivot: true, lease });
      expectPutBack(lab, watched);
      expect(watched.error).toBe(lost);
      expect(lab.faults.calls.get('hypervisor.pause') ?? 0).toBe(nth === 1 ? 0 : 1);
      expect(lab.faults.calls.has('pivot.switchOver')).toBe(false);
    },
  );

  it('that is lost before the commit of the switchover prevents it', async () => {
    const lab = new MemoryLab();
    const lease = new FakeLease(lab);
    lease.atConfirm = (count) => count === 5 && (lease.state = 'lost');
    const watched = await migrateInLab(lab, { pivot: true, lease });
    expectPutBack(lab, watched);
    expect(watched.error).toBe(lost);
    expect(lab.faults.calls.get('pivot.switchOver')).toBe(1);
  });

  it('that is lost after the switchover is told, and the migration is complete', async () => {
    const lab = new MemoryLab();
    const lease = new FakeLease(lab);
    const watched = await migrateInLab(lab, {
      pivot: true,
      lease,
      onEvent: (event) => {
        if (event.type === 'switchover') lease.lose();
      },
    });
    expect(lab).toMatchObject({ switchedOver: true, guest: { running: true } });
    expect(watched.error).toBeUndefined();
    expect(watched.summary).toMatchObject({ outcome: 'completed', guest: 'running' });
    const { message } = lost;
    expect(watched.events).toContainEqual(expect.objectContaining({ type: 'warning', message }));
  });

  it('that is lost while the rest is sent: the program resumes the guest, and gives the lease back', async () => {
    const lab = new MemoryLab({ writesPerSecond: 50 });
    const lease = new FakeLease(lab);
    const watched = await migrateInLab(lab, {
      lease,
      onEvent: (event) => {
        if (event.type === 'paused') lease.lose();
      },
    });
    expectPutBack(lab, watched);
    expect(watched.error).toBe(lost);
    expect(lab.resumes).toBe(1);
    expect(lease.calls.at(-1)).toBe('release running');
  });

  it('whose guardian resumed the guest, which somebody paused then: it is left to them', async () => {
    const lab = new MemoryLab();
    const lease = new FakeLease(lab);
    let told = false;
    lab.faults.add({
      at: 'hypervisor.runState',
      always: true,
      does: () => {
        if (lease.state !== 'lost' || told) return;
        told = true;
        lab.foreign('resume');
        lab.foreign('pause');
      },
    });
    const watched = await migrateInLab(lab, {
      lease,
      onEvent: (event) => {
        if (event.type === 'paused' && event.byProgram) lease.lose();
      },
    });
    expect(watched.error).toBe(lost);
    expect(lab.resumes).toBe(0);
    expect(watched.summary.guest).toBe('paused');
  });

  it('of a guest that can not be resumed is left to the guardian', async () => {
    const lab = new MemoryLab();
    const lease = new FakeLease(lab);
    lab.faults.add({
      at: 'hypervisor.resume',
      always: true,
      does: new HypervisorError('no answer'),
    });
    const watched = await migrateInLab(lab, { lease });
    expect(watched.summary).toMatchObject({ outcome: 'failed', guest: 'paused' });
    expect(lease.calls.at(-1)).toBe('abandon paused');
    expect(lease.calls).not.toContain('release paused');
  });
});
