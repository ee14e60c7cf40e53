/** Traces of migrations of a simulated guest, recorded in virtual time; and ones that are wrong. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createTraceWriter } from '../../../src/engine/trace.js';
import type { MigrationEvent, PolicyName } from '../../../src/engine/index.js';
import { runScenario, workloadGuest } from '../../../src/experiment/index.js';
import { workloadCalled } from '../../../src/simulator/index.js';

const MIB = 1024 ** 2;

/** Records a migration into `folder`; resolves with the trace's path and its events. */
export async function recordTrace(
  folder: string,
  name: string,
  policy: PolicyName,
): Promise<{ path: string; events: MigrationEvent[] }> {
  const path = join(folder, name);
  const trace = await createTraceWriter(path, (error) => {
    throw error;
  });
  const guest = workloadGuest(workloadCalled('random-rewrite'), {
    ...{ diskBytes: 256 * MIB, cacheBytes: 64 * MIB, seed: 1, rate: 1 },
  });
  await runScenario(
    {
      guest,
      network: { bytesPerSecond: 100 * MIB, delayMs: 0.2 },
      ...{ probe: true, warmUpMs: 10_000 },
      options: {
        ...{ policy, pivot: true, granularity: 64 * 1024, maxBandwidth: 16 * MIB },
        ...{ downtimeLimitMs: 300, maxRounds: 12, verify: 'sent' },
      },
    },
    { sink: trace.sink },
  );
  await trace.close();
  return { path, events: eventsOf(path) };
}

/** Writes what is wrong with traces beside a good one; their paths by what they are. */
export function writeWrongTraces(
  folder: string,
  good: string,
): Readonly<Record<'newer' | 'corrupt' | 'truncated', string>> {
  const lines = textOf(good).split('\n').filter(Boolean);
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const half = lines.slice(0, Math.floor(lines.length / 2));
  return {
    newer: write('newer.mscope', textOf(good).replace(/"protocol":"[^"]*"/, '"protocol":"9.0"')),
    corrupt: write(
      'corrupt.mscope',
      [...half, '{"seq":,,}', ...lines.slice(half.length)].join('\n'),
    ),
    truncated: write('truncated.mscope', `${half.join('\n')}\n${lines[half.length]!.slice(0, 20)}`),
  };
}

/** Writes a trace of at least so many bytes, of a run that warned again and again, and did not end. */
export function writeLargeTrace(folder: string, good: string, bytes: number): string {
  const path = join(folder, 'large.mscope');
  const lines = textOf(good).split('\n').filter(Boolean);
  const begun = lines.slice(0, 40);
  writeFileSync(path, `${begun.join('\n')}\n`);
  const { t } = JSON.parse(begun.at(-1)!) as MigrationEvent;
  let seq = begun.length;
  for (let written = 0; written < bytes;) {
    let part = '';
    while (part.length < 4 * MIB)
      part += `{"seq":${seq++},"t":${t + seq},"type":"warning","message":"${'so it was '.repeat(400)}"}\n`;
    appendFileSync(path, part);
    written += part.length;
  }
  return path;
}

function eventsOf(path: string): MigrationEvent[] {
  return textOf(path)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as MigrationEvent);
}

function textOf(path: string): string {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}
