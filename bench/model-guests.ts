/** The guests that are compared: of the real lab, and of the simulated one with the same settings. */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../src/base/logger.js';
import type { PolicyName } from '../src/engine/index.js';
import { Laboratory, NEW_IMAGE, workloadGuest, type GuestRecipe } from '../src/experiment/index.js';
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

/** How closely the age of a real guest is told, and how old it can be, in milliseconds. */
const AGE_STEP_MS = 50;
const OLDEST_MS = 15_000;

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

/**
 * Measures the simulated twin of a real guest: of the same seed, memory and age.
 * @param lateMs how much later its migration begins.
 */
export async function measureSimulated(real: RealMeasured, lateMs: number): Promise<Measured> {
  const { workload, policy, seed, dirtyableBytes: cacheBytes } = real;
  const guest = workloadGuest(workloadCalled(workload), {
    ...{ diskBytes: DISK_BYTES, cacheBytes, seed, rate: 1 },
  });
  const shared = { clock: new SimulatedClock(), logger: silentLogger };
  const laboratory = await Laboratory.create({
    ...{ ...shared, size: DISK_BYTES, seed, probe: true },
    createGuest: (device) => guest.create(device),
  });
  try {
    await shared.clock.sleep(ageOf(real, guest));
    const connections = { ...shared, ...laboratory.connections() };
    const subject = { connections, run: 'simrun', image: NEW_IMAGE };
    return await measure({ workload, policy, seed }, subject, lateMs);
  } finally {
    await laboratory.close();
  }
}

/**
 * How long a real guest had run its workload when it was first looked for, in milliseconds: a second or
 * several, the busier the machine the longer. The moment at which as much is dirty in a simulated one
 * as in the first look at the real one tells. It decides at which point of the workload's own cycle
 * the migration begins.
 */
function ageOf({ sights }: RealMeasured, recipe: GuestRecipe): number {
  const { atMs, dirtyBytes } = sights[0]!;
  const ignored = () => undefined;
  const device = { size: recipe.diskBytes, writePages: ignored, discardPages: ignored };
  const guest = recipe.create(device);
  for (let ms = atMs; ms <= OLDEST_MS; ms += AGE_STEP_MS) {
    guest.advance(ms);
    if (guest.dirtyBytes >= dirtyBytes) return ms - atMs;
  }
  return 0;
}

async function measure(asked: Case, subject: Subject, lateMs = 0): Promise<Measured> {
  const sights = await watch(subject, WATCHING);
  await subject.connections.clock.sleep(lateMs);
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
