/** A guest that somebody resumes in the middle of its pivot: what it wrote then is only on its old disk. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import { connectQemu } from '../../src/hypervisor/index.js';
import type { PivotDestination, QemuHypervisor, SourceDisk } from '../../src/hypervisor/index.js';
import { assertNothingLeft } from './support/qemu-leftovers.js';
import type { TestQemu } from './support/qemu-process.js';
import { MiB, makeRaw, makeTestDirectory, rawDisk, startQemu } from './support/qemu-process.js';

let qemu: TestQemu;
let hypervisor: QemuHypervisor;
let source: SourceDisk;
let pivot: PivotDestination;
/** Is called with each action before it is done. */
let before: (action: string) => Promise<void>;

beforeEach(async () => {
  const directory = await makeTestDirectory();
  qemu = await startQemu(directory, rawDisk(await makeRaw(join(directory, 'old.raw'), 16 * MiB)));
  before = () => Promise.resolve();
  hypervisor = await connectQemu(qemu.host, {
    clock: systemClock,
    logger: silentLogger,
    journal: { record: ({ action }) => before(action) },
  });
  const [disk] = await hypervisor.disks();
  source = await hypervisor.openSource(disk!, { run: 'r1', granularity: 65536 });
  await source.startTracking();
  const path = join(directory, 'new.img');
  const options = { run: 'r1', path, format: 'raw', overwrite: false } as const;
  pivot = await hypervisor.openPivot(source, options);
  await source.flip(() => undefined);
});

afterEach(async () => {
  await hypervisor.close();
  await assertNothingLeft(qemu.side);
  await qemu.stop();
});

/** Lets the guest run for a moment, in which it writes, right before an action of ours. */
function runBefore(action: string, stopAgain: boolean): void {
  before = async (next) => {
    if (next !== action) return;
    before = () => Promise.resolve();
    await qemu.side.execute('cont', {});
    await qemu.io('vd0', 'write -P 9 4M 64k');
    if (stopAgain) await qemu.side.execute('stop', {});
  };
}

async function expectOldDisk(): Promise<void> {
  const [block] = await qemu.side.execute('query-block', {});
  expect(block?.inserted?.['node-name']).toBe('disk0');
  await pivot.release('discard');
  await source.release();
  await assertNothingLeft(qemu.side);
}

test.each([
  ['and runs on', false],
  ['and is stopped again', true],
])('between our look and the mirror, %s: the guest keeps its disk', async (_, stopAgain) => {
  runBefore('blockdev-mirror', stopAgain);
  await expect(pivot.switchOver()).rejects.toMatchObject({
    kind: 'hypervisor',
    message: expect.stringMatching(
      /^Swapping disk0 for .* failed: The guest was resumed after its disk was read last/,
    ) as string,
  });
  await expectOldDisk();
});

test('after the last flip, and is stopped again before the switchover: the guest keeps its disk', async () => {
  await qemu.side.execute('cont', {});
  await qemu.io('vd0', 'write -P 9 4M 64k');
  await qemu.side.execute('stop', {});
  await expect(pivot.switchOver()).rejects.toMatchObject({ kind: 'hypervisor' });
  await expectOldDisk();
});

test('once the mirror is there, what the guest writes is on both disks: the swap is done', async () => {
  runBefore('job-complete', false);
  expect(await pivot.switchOver()).toBe('disk0.r1');
  await qemu.io('vd0', 'read -P 9 4M 64k');
  await pivot.release('keep');
  await source.release();
});

test('a check before the commit that fails leaves the guest its disk', async () => {
  const lost = new Error('the lease is lost');
  await expect(pivot.switchOver(undefined, () => Promise.reject(lost))).rejects.toThrow(
    'the lease is lost',
  );
  await expectOldDisk();
});
