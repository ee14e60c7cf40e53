/** The connection to a real QEMU's monitor is lost while QEMU lives on. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { connectQemu, resolveHost } from '../../src/hypervisor/index.js';
import type { GuestEvent, HostChange, QemuHypervisor } from '../../src/hypervisor/index.js';
import { layCable } from './support/qemu-cable.js';
import type { Cable } from './support/qemu-cable.js';
import { assertNothingLeft } from './support/qemu-leftovers.js';
import type { TestQemu } from './support/qemu-process.js';
import { MiB, makeRaw, makeTestDirectory, rawDisk, startQemu } from './support/qemu-process.js';

let qemu: TestQemu;
let cable: Cable;
let hypervisor: QemuHypervisor;
let warnings: string[];
let beforeChange: (change: HostChange) => void;
const options = { run: 'r1', granularity: 65536 };

beforeEach(async () => {
  const directory = await makeTestDirectory();
  qemu = await startQemu(directory, rawDisk(await makeRaw(join(directory, 'a.raw'), 16 * MiB)));
  const path = join(directory, 'cable');
  cable = await layCable(path, qemu.monitor);
  warnings = [];
  beforeChange = () => undefined;
  hypervisor = await connectQemu(await resolveHost(`unix:${path}`), {
    clock: systemClock,
    logger: {
      log: (level, message) => {
        if (level === 'warn') warnings.push(message);
      },
    },
    journal: {
      record: (change) => {
        beforeChange(change);
        return Promise.resolve();
      },
    },
  });
});

afterEach(async () => {
  await hypervisor.close();
  await cable.close();
  await qemu.stop();
});

/** Pulls the cable right after `action` was sent: whether it is done is not known here. */
function pullAt(action: string): void {
  beforeChange = (change) => {
    if (change.action !== action) return;
    beforeChange = () => undefined;
    setTimeout(() => cable.pull(), 1);
  };
}

async function running(): Promise<boolean> {
  return (await qemu.side.execute('query-status', {})).running;
}

test('between two flips: they fail, and closing removes everything by a new connection', async () => {
  const events: GuestEvent[] = [];
  hypervisor.onGuestEvent((event) => events.push(event));
  const [disk] = await hypervisor.disks();
  const source = await hypervisor.openSource(disk!, options);
  await source.startTracking();
  cable.pull();
  await expect(source.flip(() => undefined)).rejects.toMatchObject({ kind: 'connection-lost' });
  expect(events).toMatchObject([{ type: 'lost', error: { kind: 'connection-lost' } }]);
  await hypervisor.close();
  await assertNothingLeft(qemu.side);
  expect(warnings).toEqual([]);
});

test('tracking does not go on by the new connection', async () => {
  const [disk] = await hypervisor.disks();
  const first = await hypervisor.openSource(disk!, options);
  const second = await hypervisor.openSource(disk!, { ...options, run: 'r2' });
  await second.startTracking();
  cable.pull();
  await first.release();
  await expect(second.flip(() => undefined)).rejects.toMatchObject({
    kind: 'connection-lost',
    message: expect.stringMatching(/^The tracking of disk0 ended with unix:/) as string,
  });
  await second.release();
  await assertNothingLeft(qemu.side);
});

test.each([
  'nbd-server-start',
  'block-export-add',
  'block-dirty-bitmap-add',
  'transaction',
  'block-export-del',
  'block-dirty-bitmap-remove',
  'blockdev-create',
  'blockdev-add',
  'stop',
  'blockdev-mirror',
  'job-complete',
  'job-dismiss',
])('right after %s was sent: the guest runs, and nothing is left', async (action) => {
  await hypervisor.resume();
  pullAt(action);
  const path = join(qemu.directory, 'new.img');
  const work = async (): Promise<void> => {
    const [disk] = await hypervisor.disks();
    const source = await hypervisor.openSource(disk!, options);
    await source.startTracking();
    await source.flip(() => undefined);
    const image = { run: 'r1', path, format: 'raw', overwrite: false } as const;
    const to = await hypervisor.openPivot(source, image);
    await hypervisor.pause();
    await to.switchOver();
    await to.release('keep');
    await hypervisor.resume();
  };
  await work().catch((error: unknown) => {
    expect(error).toMatchObject({
      kind: expect.stringMatching(/^(connection-lost|hypervisor)$/) as string,
    });
  });
  await hypervisor.close();
  expect(await running()).toBe(true);
  await assertNothingLeft(qemu.side);
  const nodes = await qemu.side.execute('query-named-block-nodes', { flat: true });
  const names = nodes.map((node) => node['node-name']);
  const [block] = await qemu.side.execute('query-block', {});
  const current = block?.inserted?.['node-name'];
  expect(names.includes('disk0.r1')).toBe(current === 'disk0.r1');
  const fileIsThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (current === 'disk0.r1') expect(fileIsThere).toBe(true);
});

test('a guest that others had paused stays paused', async () => {
  await hypervisor.pause();
  const [disk] = await hypervisor.disks();
  await hypervisor.openSource(disk!, options);
  cable.pull();
  await hypervisor.close();
  await assertNothingLeft(qemu.side);
  expect(await running()).toBe(false);
});

test('when there is no way back, closing says what stays, and does not throw', async () => {
  const [disk] = await hypervisor.disks();
  const source = await hypervisor.openSource(disk!, options);
  await source.startTracking();
  cable.cut();
  await hypervisor.close();
  expect(warnings.some((text) => text.includes("can't be reached to clean up"))).toBe(true);
  expect(warnings.some((text) => text.includes('bitmap migrascope-r1-dirty-1 of disk0'))).toBe(
    true,
  );
});
