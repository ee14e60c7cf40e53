/** protocol/PROBE.md and its schema against each other, and against what reads them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { readHello } from '../../../src/probe/hello.js';
import { ReportAssembler } from '../../../src/probe/report.js';

const folder = path.resolve(import.meta.dirname, '../../../protocol');
const prose = readFileSync(path.join(folder, 'PROBE.md'), 'utf8');
const schema = JSON.parse(readFileSync(path.join(folder, 'probe.schema.json'), 'utf8')) as object;
const validate = new Ajv({
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
}).compile(schema);

const examples = [...prose.matchAll(/```jsonl\n([^`]*)```/g)].flatMap((match) =>
  match[1]!.trimEnd().split('\n'),
);

describe("the probe's protocol", () => {
  it('has examples', () => expect(examples.length).toBeGreaterThan(15));

  it.each(examples)('%s fits the schema', (line) => {
    validate(JSON.parse(line));
    expect(validate.errors).toBeNull();
  });

  it.each([
    ['a request without id', { method: 'ping' }],
    ['an unknown method', { id: 1, method: 'format' }],
    ['a snapshot of no disk', { id: 1, method: 'snapshot', params: {} }],
    ['an extent without length', { id: 1, extents: [[0, 0, 'Dd']] }],
    ['an unknown state', { id: 1, extents: [[0, 1, 'Xd']] }],
    ['a file without inode', { id: 1, files: [['254:0']] }],
    [
      'a steer beyond its bounds',
      { id: 1, method: 'steer', params: { mode: 'hold', forMs: 600_001 } },
    ],
  ])('%s does not', (_, line) => expect(validate(line)).toBe(false));

  it('has a hello that the host reads', () => {
    const line = examples.find((text) => text.includes('"hello":') || text.includes('"disks"'))!;
    const message = JSON.parse(line) as { hello?: unknown; result?: unknown };
    expect(readHello(message.hello ?? message.result)).toMatchObject({ method: 'kcore' });
  });

  it('has a report that the host puts together, checksum included', () => {
    const assembler = new ReportAssembler();
    const lines = examples.filter((text) => text.startsWith('{"id":"a-3"'));
    for (const line of lines.slice(1, -1))
      assembler.add(JSON.parse(line) as Record<string, unknown>, Buffer.from(`${line}\n`));
    const end = JSON.parse(lines.at(-1)!) as { result: unknown };
    expect(assembler.finish(end.result).extents).toEqual([
      { offset: 1081344, length: 4096, state: 'dirty', class: 'metadata' },
      {
        offset: 16806912,
        length: 12288,
        state: 'dirty',
        class: 'data',
        file: 0,
        fileOffset: 28672,
        ageMs: 3060,
      },
      { offset: 150994944, length: 4096, state: 'writeback', class: 'journal', ageMs: 12 },
    ]);
  });
});
