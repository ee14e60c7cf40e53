/** Built-in workloads in a guest whose disk is as small as it can be, and in one whose disk is huge. */
import { describe, expect, it } from 'vitest';
import { createGuest } from '../../../../src/simulator/guest/guest.js';
import { builtInWorkloads, workloadCalled } from '../../../../src/simulator/workload/built-in.js';
import { createWorkload } from '../../../../src/simulator/workload/workload.js';
import { MIB } from './support.js';

const SECONDS = 40;
/** What a workload writes in a second at most, with its metadata; `sequential-log` asks for 4 MiB. */
const MOST_BYTES = 8 * MIB;

describe.each([
  ['64 MiB', 64 * MIB],
  ['10 TiB', 10 * 1024 ** 2 * MIB],
])('on a disk of %s', (_size, size) => {
  it.each(builtInWorkloads)('%s writes something, and no more than a guest can', (name) => {
    const device = { size, writePages: () => undefined, discardPages: () => undefined };
    const workload = createWorkload(workloadCalled(name), { diskBytes: size });
    const guest = createGuest({ device, workload, seed: 1 });
    guest.advance(SECONDS * 1000);
    const bytes = guest.writtenBytes + guest.dirtyBytes;
    expect(bytes > 0).toBe(name !== 'idle');
    expect(bytes).toBeLessThan(SECONDS * MOST_BYTES);
  });
});
