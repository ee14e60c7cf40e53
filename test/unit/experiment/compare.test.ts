/** Policies compared in virtual time, the bound below them, recordings done again, and that all of it repeats. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MigrationEvent } from '../../../src/engine/index.js';
import {
  compare,
  readTrace,
  Recorder,
  recordedBandwidth,
  replayWith,
  type ComparisonRow,
} from '../../../src/experiment/index.js';
import { MiB, run, scenarioFor, type Asked } from './support.js';

const CAP = 4 * MiB;
/** So slow that a dirty page is written back meanwhile. */
const SLOW = MiB;

async function compared(asked: Asked): Promise<ComparisonRow[]> {
  const { guest, options, ...scenario } = scenarioFor({
    maxBandwidth: CAP,
    cacheMiB: 128,
    ...asked,
  });
  const rows: ComparisonRow[] = [];
  const policies = ['plain', 'history', 'cache'] as const;
  const request = { workload: asked.workload ?? '', guest, policies };
  for await (const row of compare({ ...request, scenario: { ...scenario, options } }))
    rows.push(row);
  return rows;
}

describe('the same writes under several policies', () => {
  it.each([
    'random-rewrite',
    'zipf-rewrite',
    'sequential-log',
    'small-files',
    'mail-server',
    'build',
  ])('%s: none sends less than the clairvoyant schedule', async (workload) => {
    for (const row of await compared({ workload, diskMiB: 64 }))
      expect(row.sentBytes).toBeGreaterThanOrEqual(row.boundBytes);
  });

  it('random-rewrite: cache re-sends a tenth of what plain does at most', async () => {
    const [plain, , cache] = await compared({
      ...{ workload: 'random-rewrite', diskMiB: 128 },
      maxBandwidth: SLOW,
    });
    expect(plain!.resentBytes).toBeGreaterThan(5 * MiB);
    expect(cache!.resentBytes).toBeLessThanOrEqual(plain!.resentBytes / 10);
  });
});

describe('the same seed', () => {
  it.each(['database', 'zipf-rewrite'])(
    '%s: gives the same events, byte for byte',
    async (workload) => {
      const scenario = scenarioFor({ workload, maxBandwidth: CAP });
      const [first, second] = [await run(scenario), await run(scenario)];
      expect(first.events.length).toBeGreaterThan(30);
      expect(JSON.stringify(second.events)).toBe(JSON.stringify(first.events));
    },
  );
});

describe('a recorded migration', () => {
  let folder: string;
  let trace: string;
  let recorded: readonly MigrationEvent[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'migrascope-trace-'));
    trace = join(folder, 'run.jsonl');
    recorded = (
      await run(scenarioFor({ maxBandwidth: SLOW, policy: 'cache', diskMiB: 128, cacheMiB: 128 }))
    ).events;
    await writeFile(trace, recorded.map((event) => `${JSON.stringify(event)}\n`).join(''));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function recording(path = trace) {
    const recorder = new Recorder();
    await readTrace(path, (event) => recorder.take(event));
    return recorder.recording();
  }

  it('is done again with the policy that it had: as much is sent, within a twentieth', async () => {
    const again = await recording();
    expect(recordedBandwidth(again)).toBe(SLOW);
    const { result } = await replayWith(again, { policy: 'cache', bytesPerSecond: SLOW });
    expect(result.error).toBeUndefined();
    const { sentBytes } = again.summary!;
    expect(Math.abs(result.summary.sentBytes / sentBytes - 1)).toBeLessThan(0.05);
  });

  it('is done again with another policy, which sends more', async () => {
    const again = await recording();
    const { result, boundBytes } = await replayWith(again, {
      policy: 'plain',
      bytesPerSecond: SLOW,
    });
    expect(result.summary.outcome).toBe('completed');
    expect(result.summary.sentBytes).toBeGreaterThan(again.summary!.sentBytes);
    expect(boundBytes).toBeLessThanOrEqual(again.summary!.sentBytes);
  });

  it('that ends before its first round is refused', async () => {
    const path = join(folder, 'short.jsonl');
    await writeFile(path, `${JSON.stringify(recorded[0])}\n`);
    const refused = recording(path);
    await expect(refused).rejects.toMatchObject({ kind: 'usage' });
    await expect(refused).rejects.toThrow(/^The trace tells of no writes/);
  });

  it('of which a line is wrong is refused, and the line is named', async () => {
    const path = join(folder, 'wrong.jsonl');
    await writeFile(path, `${JSON.stringify(recorded[0])}\n{"type":\n`);
    await expect(recording(path)).rejects.toThrow(/wrong in line 2/);
  });

  it('that is not there is refused', async () => {
    await expect(recording(join(folder, 'none'))).rejects.toThrow(
      /^The trace .*none can't be read/,
    );
  });
});
