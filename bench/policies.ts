/**
 * What each policy sends for a real, busy guest: workload by policy, at two bandwidth caps.
 * Every run is a fresh guest with the same seed, left alone until its page cache is in its stride.
 */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  DEFAULTS,
  migrate,
  openGate,
  type MigrationOptions,
  type PolicyName,
  type SummaryEvent,
} from '../src/engine/index.js';
import { labDown, labUp, type LabGuest, type WorkloadName } from '../src/lab/index.js';
import { connectionsTo } from './real-lab.js';

const MiB = 1024 ** 2;
const POLICIES: readonly PolicyName[] = ['plain', 'history', 'cache'];
/** Longer than a dirty page waits, so that write-back has begun. */
const SETTLE_MS = 40_000;

export interface PolicyBench {
  readonly workloads: readonly WorkloadName[];
  /** In bytes a second. */
  readonly caps: readonly number[];
  /** Of the disk, in bytes. */
  readonly size: number;
}

export const POLICY_BENCH: PolicyBench = {
  workloads: ['random-rewrite', 'zipf-rewrite', 'sequential-log', 'database', 'small-files'],
  caps: [4 * MiB, 8 * MiB],
  size: 512 * MiB,
};

/** Runs all and prints a table. */
export async function benchPolicies(options: PolicyBench = POLICY_BENCH): Promise<void> {
  console.log(
    '| workload | cap MiB/s | policy | sent MiB | re-sent MiB | rounds | total s | downtime ms | outcome |\n|---|---|---|---|---|---|---|---|---|',
  );
  for (const workload of options.workloads) {
    for (const cap of options.caps) {
      for (const policy of POLICIES) {
        const summary = await measure(workload, policy, cap, options.size);
        console.log(row(workload, cap, summary));
      }
    }
  }
}

async function measure(
  workload: WorkloadName,
  policy: PolicyName,
  maxBandwidth: number,
  size: number,
): Promise<SummaryEvent> {
  const name = `bench-${process.pid}`;
  const guest = await labUp({ name, workload, size, seed: 1 });
  const path = join(tmpdir(), `${name}.img`);
  try {
    await delay(SETTLE_MS);
    const options: MigrationOptions = {
      ...DEFAULTS,
      disk: 'disk0',
      destination: { type: 'file', path, format: 'raw', overwrite: false },
      policy,
      maxBandwidth,
      pivot: true,
      trim: false,
    };
    return (await run(guest, options)).summary;
  } finally {
    await labDown(name);
    await rm(path, { force: true });
  }
}

async function run(guest: LabGuest, options: MigrationOptions) {
  const id = `b${Date.now().toString(36).slice(-6)}`;
  return migrate(options, {
    ...(await connectionsTo(guest, id)),
    gate: openGate,
    sink: () => undefined,
    run: id,
    startedAt: new Date(),
    signal: new AbortController().signal,
  });
}

function row(workload: WorkloadName, cap: number, summary: SummaryEvent): string {
  const mib = (bytes: number) => (bytes / MiB).toFixed(1);
  const cells = [
    workload,
    cap / MiB,
    summary.policy,
    mib(summary.sentBytes),
    mib(summary.resentBytes),
    summary.rounds,
    (summary.totalMs / 1000).toFixed(0),
    Math.round(summary.downtimeMs),
    summary.outcome,
  ];
  return `| ${cells.join(' | ')} |`;
}
