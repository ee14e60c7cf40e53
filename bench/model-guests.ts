/** The guests that are compared: of the real lab, and of the simulated one with the same settings. */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../src/base/logger.js';
import type { PolicyName } from '../src/engine/index.js';
import { Laboratory, NEW_IMAGE, workloadGuest } from '../src/experiment/index.js';
import { ControlPort, labDown, labUp, type WorkloadName } from '../src/lab/index.js';
import { SimulatedClock, workloadCalled } from '../src/simulator/index.js';
import {
  move,
  watch,
  type Moved,
  type Sight,
  type Subject,
  type Watching,
} from './model-measure.js';
import { connectionsTo } from './real-lab.js';

const MiB = 1024 ** 2;
const PAGE_BYTES = 4096;
/** As docs/benchmarks.md has it for the policies: what is allocated takes 24 s to send. */
const DISK_BYTES = 512 * MiB;
const BYTES_PER_SECOND = 8 * MiB;
/** Longer than a dirty page waits, so that write-back has begun. */
const WATCHING: Watching = { forMs: 40_000, everyMs: 2000 };

/** One guest, watched and moved. */
export interface Case {
  readonly workload: WorkloadName;
  readonly policy: PolicyName;
  /** The number of the run, and the seed of its guests. */
  readonly seed: number;
}

/** What came of it. */
export interface Measured extends Case {
  readonly sights: readonly Sight[];
  readonly moved: Moved;
}

export interface RealMeasured extends Measured {
  /** Memory that the guest's kernel lets pages of files take, in bytes. */
  readonly dirtyableBytes: number;
}

/** @param lane tells guests that run at the same time apart. */
export async function measureReal(asked: Case, lane: number): Promise<RealMeasured> {
  const { workload, seed } = asked;
  const name = `model-${process.pid}-${lane}`;
  const image = join(tmpdir(), `${name}.img`);
  const guest = await labUp({ name, workload, seed, size: DISK_BYTES });
  try {
    const run = `m${process.pid.toString(36)}${lane}`;
    const subject = { connections: await connectionsTo(guest, run), run, image };
    const measured = await measure(asked, subject);
    return { ...measured, dirtyableBytes: await dirtyableBytes(guest.control) };
  } finally {
    await labDown(name);
    await rm(image, { force: true });
  }
}

/** @param cacheBytes memory that pages of files can take, as a real guest told. */
export async function measureSimulated(asked: Case, cacheBytes: number): Promise<Measured> {
  const { workload, seed } = asked;
  const description = workloadCalled(workload);
  const recipe = { diskBytes: DISK_BYTES, cacheBytes, seed, rate: 1 };
  const guest = workloadGuest(description, recipe);
  const shared = { clock: new SimulatedClock(), logger: silentLogger };
  const laboratory = await Laboratory.create({
    ...{ ...shared, size: DISK_BYTES, seed, probe: true },
    createGuest: (device) => guest.create(device),
  });
  try {
    const connections = { ...shared, ...laboratory.connections() };
    return await measure(asked, { connections, run: 'simrun', image: NEW_IMAGE });
  } finally {
    await laboratory.close();
  }
}

async function measure(asked: Case, subject: Subject): Promise<Measured> {
  const sights = await watch(subject, WATCHING);
  return { ...asked, sights, moved: await move(subject, asked.policy, BYTES_PER_SECOND) };
}

/** What the guest's kernel reckons with, from the limit at which it stops writers. */
async function dirtyableBytes(control: string): Promise<number> {
  const port = await ControlPort.open(control.replace('unix:', ''));
  try {
    const { output } = await port.run(
      "echo $(sed -n 's/nr_dirty_threshold //p' /proc/vmstat) $(cat /proc/sys/vm/dirty_ratio)",
    );
    const [limit, ratio] = output.trim().split(' ').map(Number);
    return Math.round((limit! * 100) / ratio!) * PAGE_BYTES;
  } finally {
    port.close();
  }
}
