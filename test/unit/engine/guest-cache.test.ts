/** The page cache as the engine sees it, and what becomes of a migration whose probe fails. */
import { describe, expect, it } from 'vitest';
import { ConnectionLostError, ProbeError, TimeoutError } from '../../../src/base/errors.js';
import { BlockSet, decodeRuns } from '../../../src/engine/blockset/index.js';
import { describeReport } from '../../../src/engine/guest-cache.js';
import type { CacheExtent, CacheReport } from '../../../src/probe/types.js';
import { MemoryLab } from '../support/memory-lab.js';
import { eventsOf, migrateInLab, type Watched } from '../support/migrate-in-lab.js';
import { expectPutBack } from './put-back.js';

const BUSY = { seed: 5, writesPerSecond: 40, direct: 0.1 };

function expectGoneOn(lab: MemoryLab, watched: Watched): void {
  expect(watched.error).toBeUndefined();
  expect(lab.destination.equals(lab.atPause!)).toBe(true);
}

/** The migration went on without its probe, and said so once. */
function expectFallenBack(lab: MemoryLab, watched: Watched, message: RegExp): void {
  expectGoneOn(lab, watched);
  const lost = eventsOf(watched.events, 'probe').filter(({ state }) => state === 'lost');
  expect(lost).toHaveLength(1);
  expect(lost[0]?.message).toMatch(message);
  expect(lost[0]?.message).toContain('goes on as policy history');
  expect(watched.summary).toMatchObject({ policy: 'cache', probe: 'kcore', fallback: true });
}

describe('a migration whose probe', () => {
  it.each([
    ['is killed', new ConnectionLostError('The connection to the probe ended.')],
    ['does not answer', new TimeoutError('The probe did not answer within 10 s.')],
    ['refuses', new ProbeError('The probe could not read kcore.')],
  ])('%s when it is asked goes on', async (_, error) => {
    const lab = new MemoryLab(BUSY);
    lab.faults.add({ at: 'probe.snapshot', call: 2, does: error });
    const watched = await migrateInLab(lab, { policy: 'cache' });
    expectFallenBack(lab, watched, /^The guest's probe did not report its page cache: /);
    expect(lab.faults.calls.get('probe.snapshot')).toBe(2);
    expect(lab.faults.calls.get('probe.close')).toBe(1);
  });

  const sound = new MemoryLab().report();
  const extent = { offset: 0, length: 1024, state: 'dirty', class: 'data' } as const;
  const GARBAGE: readonly (readonly [string, unknown])[] = [
    ['an extent past the end of the disk', { ...sound, extents: [{ ...extent, offset: 1 << 30 }] }],
    ['an extent before its beginning', { ...sound, extents: [{ ...extent, offset: -1024 }] }],
    ['an extent that is no number', { ...sound, extents: [{ ...extent, length: NaN }] }],
    ['an extent of less than nothing', { ...sound, extents: [{ ...extent, length: -512 }] }],
    ['a state that there is none of', { ...sound, extents: [{ ...extent, state: 'soggy' }] }],
    ['no extents', { ...sound, extents: undefined }],
    ['nothing', null],
  ];

  it.each(GARBAGE)('reports %s is given up, and the migration goes on', async (_, garbage) => {
    const lab = new MemoryLab(BUSY);
    lab.garbage = garbage;
    const watched = await migrateInLab(lab, { policy: 'cache' });
    expectFallenBack(lab, watched, /^The guest's probe did not report its page cache: /);
    expect(eventsOf(watched.events, 'cache')).toEqual([]);
  });

  it('fails to drain goes on', async () => {
    const lab = new MemoryLab(BUSY);
    lab.faults.add({ at: 'probe.drain', does: new ProbeError('The probe could not sync.') });
    const watched = await migrateInLab(lab, { policy: 'cache' });
    expectFallenBack(lab, watched, /^The guest's probe did not write back what was deferred: /);
  });

  it('fails to trim goes on, and speaks of no policy that was not asked for', async () => {
    const lab = new MemoryLab(BUSY);
    lab.faults.add({ at: 'probe.trim', does: new ProbeError('The file system can not.') });
    const watched = await migrateInLab(lab, { policy: 'plain', trim: true });
    expectGoneOn(lab, watched);
    expect(eventsOf(watched.events, 'probe').at(-1)).toMatchObject({
      state: 'lost',
      message:
        "The guest's probe did not discard what no file uses: The file system can not. The migration goes on without it.",
    });
  });

  it.each([
    ['hypervisor.probeAddress', new ConnectionLostError('No such chardev.')],
    ['probe.connect', new TimeoutError('The probe did not say hello.')],
  ] as const)('can not be reached (%s) goes on', async (at, error) => {
    const lab = new MemoryLab(BUSY);
    lab.faults.add({ at, does: error });
    const watched = await migrateInLab(lab, { policy: 'cache' });
    expectGoneOn(lab, watched);
    expect(eventsOf(watched.events, 'probe')).toMatchObject([
      {
        state: 'absent',
        message: expect.stringMatching(
          /could not be reached: .* goes on as policy history/,
        ) as string,
      },
    ]);
    expect(watched.summary).toMatchObject({ probe: 'none', fallback: false });
  });

  it('is not there goes on, and says that nothing was trimmed', async () => {
    const lab = new MemoryLab({ ...BUSY, probe: false });
    const watched = await migrateInLab(lab, { policy: 'cache', trim: true });
    expectGoneOn(lab, watched);
    expect(eventsOf(watched.events, 'probe')).toMatchObject([{ state: 'absent' }]);
    expect(eventsOf(watched.events, 'warning')).toMatchObject([
      { message: 'The disk was not trimmed: the guest has no probe.' },
    ]);
  });

  it('hangs is cancelled with the migration, and not taken for lost', async () => {
    const lab = new MemoryLab(BUSY);
    const cancel = new AbortController();
    lab.faults.add({ at: 'probe.drain', does: 'hang' });
    void lab.clock.sleep(90_000).then(() => cancel.abort());
    const watched = await migrateInLab(lab, { policy: 'cache', signal: cancel.signal });
    expectPutBack(lab, watched, 'cancelled');
    expect(eventsOf(watched.events, 'probe').map(({ state }) => state)).toEqual(['connected']);
  });

  it('is not asked by policies that have no use for it', async () => {
    const lab = new MemoryLab(BUSY);
    const watched = await migrateInLab(lab, { policy: 'history' });
    expectGoneOn(lab, watched);
    expect(lab.faults.calls.has('probe.connect')).toBe(false);
    expect(eventsOf(watched.events, 'cache')).toEqual([]);
  });
});

describe('a migration with a probe', () => {
  it('trims first, and sends nothing of what was trimmed', async () => {
    const lab = new MemoryLab({ allocated: 1, writesPerSecond: 0 });
    const watched = await migrateInLab(lab, { trim: true });
    expectGoneOn(lab, watched);
    const [trimmed] = eventsOf(watched.events, 'trim');
    expect(trimmed?.trimmedBytes).toBe(lab.options.size / 4);
    expect(watched.summary.sentBytes).toBe((lab.options.size * 3) / 4);
  });

  const rewriting = { size: 256 * 4096, writesPerSecond: 120, workingSet: 0.5, expireMs: 1500 };

  it('defers what is dirty, drains it, and drains again what became dirty since', async () => {
    const lab = new MemoryLab({ ...rewriting, direct: 0, writesPerSecond: 30 });
    const watched = await migrateInLab(lab, { policy: 'cache' });
    expect(lab.drained.length).toBeGreaterThan(1);
    expect(lab.drained.every((bytes) => bytes > 0)).toBe(true);
    expect(watched.summary.deferredBytes).toBeGreaterThan(0);
    const drains = eventsOf(watched.events, 'drain');
    expect(drains.map(({ writtenBytes }) => writtenBytes)).toEqual(lab.drained);
  });

  it('drains no more once a drain brought no quiet', async () => {
    const lab = new MemoryLab({ ...rewriting, direct: 0.9 });
    const { events } = await migrateInLab(lab, { policy: 'cache', maxRounds: 6 });
    const last = eventsOf(events, 'round').filter(({ final }) => final);
    expect(last.length).toBeGreaterThan(2);
    expect(lab.drained).toHaveLength(1);
  });
});

describe('a report', () => {
  const geometry = { granularity: 4096, size: 10 * 4096 + 512 };
  const extent = (
    offset: number,
    length: number,
    more: Partial<CacheExtent> = {},
  ): CacheExtent => ({
    offset,
    length,
    state: 'dirty',
    class: 'data',
    ...more,
  });
  const file = {
    device: '254:1',
    inode: 7,
    generation: 1,
    links: 1,
    fileSystem: 'xfs',
    path: '/a',
  };
  const report = (extents: CacheExtent[]): CacheReport => ({
    sequence: 4,
    method: 'mincore',
    startMs: 0,
    endMs: 1,
    extents,
    files: [file],
    unmappedBytes: { btrfs: 8192 },
    journals: [],
    restarts: 0,
    givenUp: 0,
  });

  it('in blocks: each block is as its most unsettled page is', () => {
    const { view, event } = describeReport(
      report([
        extent(0, 1024, { file: 0 }),
        extent(1024, 512, { state: 'clean', file: 0 }),
        extent(4096, 4096, { state: 'clean', file: 0 }),
        extent(8192, 512, { state: 'writeback' }),
        extent(10 * 4096, 512, { class: 'journal' }),
      ]),
      geometry,
      77,
    );
    expect(view.at).toBe(77);
    expect(view.dirty.toArray()).toEqual([0, 10]);
    expect(view.writeback.toArray()).toEqual([2]);
    expect(view.clean.toArray()).toEqual([1]);
    expect(event).toMatchObject({ dirtyBytes: 1536, cleanBytes: 4608, writebackBytes: 512 });
    expect(event).toMatchObject({ sequence: 4, method: 'mincore', unmappedBytes: { btrfs: 8192 } });
    const [told] = event.files;
    expect(told).toMatchObject({ inode: 7, path: '/a', fileSystem: 'xfs' });
    const blocks = (runs: unknown) => decodeRuns(runs, { blocks: 11 });
    expect(blocks(told!.dirty).equals(BlockSet.of(0))).toBe(true);
    expect(blocks(told!.clean).equals(BlockSet.of(1))).toBe(true);
  });

  it('says where in a file its blocks lie, in as few extents as that takes', () => {
    const placed = (offset: number, fileOffset: number) =>
      extent(offset, 4096, { file: 0, fileOffset });
    const { event } = describeReport(
      report([placed(0, 8192), placed(4096, 12_288), placed(12_288, 20_480), placed(20_480, 0)]),
      geometry,
      0,
    );
    expect(event.files[0]?.extents).toEqual([
      [0, 16_384, 8192],
      [20_480, 4096, 0],
    ]);
    const untold = describeReport(report([extent(0, 4096, { file: 0 })]), geometry, 0);
    expect(untold.event.files[0]).not.toHaveProperty('extents');
  });

  it('says so of 4,096 extents at most', () => {
    const size = 2 ** 30;
    const extents = Array.from({ length: 5000 }, (_, at) =>
      extent(at * 8192, 4096, { file: 0, fileOffset: at * 4096 }),
    );
    const { event } = describeReport(report(extents), { granularity: 4096, size }, 0);
    expect(event.files[0]?.extents).toHaveLength(4096);
    expect(event.files[0]?.extents?.at(-1)).toEqual([4095 * 8192, 4096, 4095 * 4096]);
  });

  it('of extents in order makes work in proportion to them, not to the disk', () => {
    const size = 10 * 2 ** 40;
    const extents = Array.from({ length: 1000 }, (_, i) => extent(i * 65_536 * 10_000, 4096));
    const { view } = describeReport(report(extents), { granularity: 65_536, size }, 0);
    expect(view.dirty.count).toBe(1000);
  });
});
