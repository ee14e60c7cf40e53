/** Disks at the edges: empty, tiny, partial, sparse, huge. */
import { describe, expect, it } from 'vitest';
import { MemoryLab, type LabOptions } from '../support/memory-lab.js';
import { eventsOf, migrateInLab } from '../support/migrate-in-lab.js';

const EDGES: readonly (readonly [string, Partial<LabOptions>])[] = [
  ['a disk without bytes', { size: 0 }],
  ['a disk of less than a block', { size: 1536, allocated: 1 }],
  ['a block larger than the disk', { size: 20 * 512, granularity: 1 << 20, allocated: 1 }],
  ['a partial last block', { size: 9 * 4096 + 512, allocated: 1, workingSet: 1 }],
  ['a disk on which nothing is allocated', { allocated: 0, writesPerSecond: 0 }],
  ['a disk on which all is allocated', { allocated: 1 }],
  ['a destination that is larger', { destinationBytes: 1 << 20 }],
];

describe.each(['plain', 'cache'] as const)('policy %s moves', (policy) => {
  it.each(EDGES)('%s', async (_, options) => {
    const lab = new MemoryLab({ readsAsZeroes: false, ...options });
    const watched = await migrateInLab(lab, { policy, verify: 'full', pivot: true });
    expect(watched.error).toBeUndefined();
    expect(lab.source.equals(lab.atPause!)).toBe(true);
    expect(watched.summary).toMatchObject({ outcome: 'completed', verified: true });
  });
});

describe('what is not sent', () => {
  it('is what is known to be zeroes: a disk of holes goes as requests for zeroes alone', async () => {
    const lab = new MemoryLab({ allocated: 0, writesPerSecond: 0 });
    const { summary } = await migrateInLab(lab);
    expect(summary).toMatchObject({ sentBytes: 0, plainBytes: 0, sendAmplification: 1 });
    expect(lab.faults.calls.has('destination.write')).toBe(false);
    expect(lab.destination.every((byte) => byte === 0)).toBe(true);
  });

  it('is not even asked for where the destination reads as zeroes', async () => {
    const lab = new MemoryLab({ allocated: 0, writesPerSecond: 0, readsAsZeroes: true });
    await migrateInLab(lab);
    expect(lab.faults.calls.has('destination.writeZeroes')).toBe(false);
  });

  it('is what was allocated and holds zeroes: that goes without data', async () => {
    const lab = new MemoryLab({
      allocated: 1,
      writesPerSecond: 0,
      sourceInfo: { metaContexts: [] },
    });
    lab.source.fill(0);
    const { summary } = await migrateInLab(lab);
    expect(summary.zeroBytes).toBe(lab.options.size);
    expect(lab.faults.calls.has('destination.write')).toBe(false);
  });
});

describe('the imagined plain migration', () => {
  it('of a guest that writes nothing sends what was allocated, once', async () => {
    const lab = new MemoryLab({ writesPerSecond: 0 });
    const { summary, events } = await migrateInLab(lab, { policy: 'plain' });
    const [allocated] = eventsOf(events, 'allocated');
    expect(summary.plainBytes).toBe(allocated?.bytes);
    expect(summary.sentBytes).toBe(allocated?.bytes);
  });

  it('re-sends what the real one puts off', async () => {
    const lab = new MemoryLab({
      seed: 3,
      size: 512 * 4096,
      allocated: 1,
      writesPerSecond: 60,
      workingSet: 0.2,
      direct: 0,
      expireMs: 1000,
      bytesPerSecond: 128 * 1024,
    });
    const { summary } = await migrateInLab(lab, { policy: 'cache', maxBandwidth: 96 * 1024 });
    expect(summary.plainBytes).toBeGreaterThan(summary.sentBytes);
  });
});
