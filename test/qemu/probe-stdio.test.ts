/** The probe's program itself, on this machine, over standard input and output: what it makes of bad requests. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { probeProgram } from './support/probe-guest.js';

const schema = JSON.parse(
  readFileSync(path.resolve('protocol/probe.schema.json'), 'utf8'),
) as object;
const validate = new Ajv({
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
}).compile(schema);

interface Answer {
  readonly id?: string | number | null;
  readonly hello?: object;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: string };
}

/** Sends lines, then a ping, and gives the answers up to the ping's, hello left out. */
async function converse(input: Buffer): Promise<Answer[]> {
  const child = spawn(probeProgram, ['--stdio', '--method', 'mincore'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    let text = '';
    child.stdin.on('error', () => undefined);
    child.stdin.write(Buffer.concat([input, Buffer.from('\n{"id":"last","method":"ping"}\n')]));
    for await (const chunk of child.stdout) {
      text += String(chunk);
      if (/"id":"last".*\n/.test(text)) break;
    }
    const lines = text.split('\n').filter((line) => line !== '');
    const answers = lines.map((line) => JSON.parse(line) as Answer);
    for (const answer of answers) {
      validate(answer);
      expect(validate.errors).toBeNull();
    }
    expect(answers.at(-1)!.result).toMatchObject({ steering: false });
    return answers.filter(({ hello }) => hello === undefined).slice(0, -1);
  } finally {
    child.kill('SIGKILL');
  }
}

const codes = (answers: readonly Answer[]) => answers.map(({ id, error }) => [id, error?.code]);

test.each<[string, string, readonly unknown[]]>([
  ['no JSON', '%$', [[null, 'bad-request']]],
  ['half an object', '{"id":1,', [[null, 'bad-request']]],
  ['a trailing comma', '{"id":1,"method":"ping",}', [[null, 'bad-request']]],
  ['no object', '[1]', [[null, 'bad-request']]],
  ['no id', '{"method":"ping"}', [[null, 'bad-request']]],
  ['an id that is an object', '{"id":{},"method":"ping"}', [[null, 'bad-request']]],
  ['an id that is too long', `{"id":"${'x'.repeat(65)}","method":"ping"}`, [[null, 'bad-request']]],
  ['an unknown method', '{"id":1,"method":"format"}', [[1, 'unknown-method']]],
  ['no disk', '{"id":1,"method":"snapshot"}', [[1, 'bad-request']]],
  [
    'a disk that is not there',
    '{"id":1,"method":"trim","params":{"disk":{"size":7}}}',
    [[1, 'no-such-disk']],
  ],
  ['half an extent', '{"id":1,"method":"stage","params":{"extents":[1]}}', [[1, 'bad-request']]],
  ['an empty extent', '{"id":1,"method":"stage","params":{"extents":[1,0]}}', [[1, 'bad-request']]],
  [
    'a negative extent',
    '{"id":1,"method":"stage","params":{"extents":[-1,4]}}',
    [[1, 'bad-request']],
  ],
  [
    'steering for too long',
    '{"id":1,"method":"steer","params":{"mode":"hold","forMs":600001}}',
    [[1, 'bad-request']],
  ],
  [
    'steering of another kind',
    '{"id":1,"method":"steer","params":{"mode":"push"}}',
    [[1, 'bad-request']],
  ],
  [
    'deep nesting',
    `{"id":1,"method":"ping","params":${'['.repeat(40)}${']'.repeat(40)}}`,
    [[null, 'bad-request']],
  ],
  ['a line that is too long', `{"id":1,"method":"${'x'.repeat(70_000)}"}`, [[null, 'bad-request']]],
  ['escapes', '{"id":"\\u00e9\\"","method":"p\\u0069ng"}', [['é"', undefined]]],
  [
    'unknown fields',
    '{"later":[{}],"id":1,"method":"ping","params":{"later":null}}',
    [[1, undefined]],
  ],
])('the probe answers %s', async (_, line, expected) => {
  expect(codes(await converse(Buffer.from(line)))).toEqual(expected);
});

test('the probe counts what is staged, and begins anew', async () => {
  const stage = (id: number, params: object) => JSON.stringify({ id, method: 'stage', params });
  const answers = await converse(
    Buffer.from(
      [
        stage(1, { extents: [0, 1, 8, 1] }),
        stage(2, { extents: [16, 1] }),
        stage(3, { extents: [], anew: true }),
      ].join('\n'),
    ),
  );
  expect(answers.map(({ result }) => result)).toEqual([
    { staged: 2 },
    { staged: 3 },
    { staged: 0 },
  ]);
});

test('the probe survives any bytes, and answers in its schema', async () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(`${text}\n`)),
    fc
      .record({
        id: fc.oneof(fc.nat(), fc.string({ maxLength: 20 })),
        method: fc.constantFrom('ping', 'stage', 'cancel', 'drain', 'steer', 'hello'),
        params: fc.jsonValue(),
      })
      .map((request) => Buffer.from(`${JSON.stringify(request)}\n`)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(noise, { maxLength: 20 }), async (pieces) => {
      await converse(Buffer.concat(pieces));
    }),
    { numRuns: 40 },
  );
});
