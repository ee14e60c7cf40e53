/**
 * What is measured of a guest, real or simulated, by the same calls: what it writes and what its page
 * cache holds while it is left alone, and then what a migration of it sends.
 */
import {
  blockGeometry,
  BlockSetBuilder,
  DEFAULTS,
  migrate,
  openGate,
  type MigrationEvent,
  type PolicyName,
} from '../src/engine/index.js';
import type { SourceDisk } from '../src/hypervisor/index.js';
import type { Probe } from '../src/probe/index.js';
import type { Connections } from './real-lab.js';

const DISK = 'disk0';
const { granularity } = DEFAULTS;

/** A guest that has just begun its workload. */
export interface Subject {
  readonly connections: Connections;
  /** The run id that `connections` were made for. */
  readonly run: string;
  /** A path for a new image, on the guest's host. */
  readonly image: string;
}

/** How long and how often a guest is looked at, in milliseconds. */
export interface Watching {
  readonly forMs: number;
  readonly everyMs: number;
}

/** A guest at one moment; arrays of them are ascending by time. */
export interface Sight {
  /** Since the first was to be taken, in milliseconds. */
  readonly atMs: number;
  /** Distinct blocks of 64 KiB that were written since the one before. */
  readonly writtenBlocks: number;
  /** What waits in the page cache to be written, in bytes; what has no place yet included. */
  readonly dirtyBytes: number;
}

/** What a migration cost, in bytes and milliseconds. */
export interface Moved {
  readonly sentBytes: number;
  readonly resentBytes: number;
  readonly rounds: number;
  readonly totalMs: number;
  readonly outcome: string;
  /** Of each round: when it ended, since the migration began, and what was sent in it. */
  readonly course: readonly { readonly atMs: number; readonly sentBytes: number }[];
}

/** Looks at the guest at regular intervals. */
export async function watch(subject: Subject, watching: Watching): Promise<Sight[]> {
  const { connections, run } = subject;
  const { signal } = new AbortController();
  const hypervisor = await connections.connectHypervisor(signal);
  try {
    const disk = (await hypervisor.disks(signal)).find(({ name }) => name === DISK);
    const address = await hypervisor.probeAddress(signal);
    if (!disk || !address) throw new Error('The guest has no disk0, or no port for a probe.');
    const source = await hypervisor.openSource(disk, { run, granularity }, signal);
    const probe = await connections.connectProbe(address, signal);
    try {
      await source.startTracking(signal);
      return await takeSights(source, probe, connections, watching);
    } finally {
      await probe.close();
      await source.release();
    }
  } finally {
    await hypervisor.close();
  }
}

async function takeSights(
  source: SourceDisk,
  probe: Probe,
  { clock }: Connections,
  { forMs, everyMs }: Watching,
): Promise<Sight[]> {
  const { size, guestIdentity } = source.disk;
  const geometry = blockGeometry(granularity, size);
  const begunMs = clock.now();
  const sights: Sight[] = [];
  for (let atMs = everyMs; atMs <= forMs; atMs += everyMs) {
    await clock.sleep(Math.max(0, begunMs + atMs - clock.now()));
    const builder = new BlockSetBuilder();
    await source.flip(builder.extentVisitor(geometry));
    const { extents, unmappedBytes } = await probe.snapshot({
      disk: { size, ...guestIdentity },
      clean: false,
    });
    const placed = extents.filter(({ state }) => state === 'dirty').map(({ length }) => length);
    const dirtyBytes = sum(placed) + sum(Object.values(unmappedBytes));
    sights.push({ atMs, writtenBlocks: builder.build().count, dirtyBytes });
  }
  return sights;
}

/** Moves the guest's disk, with a pivot, and compares all that was sent. */
export async function move(
  { connections, run, image }: Subject,
  policy: PolicyName,
  maxBandwidth: number,
): Promise<Moved> {
  const course: { atMs: number; sentBytes: number }[] = [];
  const sink = (event: MigrationEvent) => {
    if (event.type === 'round')
      course.push({ atMs: Math.round(event.t), sentBytes: event.sentBytes });
  };
  const { summary } = await migrate(
    {
      ...DEFAULTS,
      ...{ disk: DISK, policy, maxBandwidth, pivot: true, trim: false },
      destination: { type: 'file', path: image, format: 'raw', overwrite: false },
    },
    {
      ...connections,
      ...{ gate: openGate, sink, run, startedAt: new Date(0) },
      signal: new AbortController().signal,
    },
  );
  const { sentBytes, resentBytes, rounds, totalMs, outcome } = summary;
  return { sentBytes, resentBytes, rounds, totalMs: Math.round(totalMs), outcome, course };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
