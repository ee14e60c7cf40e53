import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseRequest } from '../../../src/engine/index.js';
import { isOneOf } from './schema.js';

const methods = ['attach', 'state', 'run', 'pause', 'step', 'limits', 'decide', 'cancel', 'detach'];
const names = methods.map((method) => `${method[0]!.toUpperCase()}${method.slice(1)}Request`);
const isRequest = isOneOf(...names);

const value = fc.oneof(
  fc.constantFrom('statement', 'batch', 'round', 'cancel', 'pause-anyway', 'more-rounds', '', 'a'),
  fc.integer({ min: -1, max: 20_000 }),
  fc.double(),
  fc.constantFrom(null, true, [], {}),
  fc.string({ maxLength: 70, unit: 'grapheme' }),
);
const fields = [
  'name',
  'from',
  'unit',
  'decision',
  'maxBandwidth',
  'downtimeLimitMs',
  'maxRounds',
  'x',
];
const request = fc.record(
  {
    jsonrpc: fc.constantFrom('2.0', '2.0', '2.0', '1.0'),
    id: fc.oneof({ weight: 4, arbitrary: fc.nat() }, { weight: 1, arbitrary: value }),
    method: fc.constantFrom(...methods, 'fly'),
    params: fc.oneof(
      { weight: 6, arbitrary: fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 4 }) },
      { weight: 1, arbitrary: value },
    ),
  },
  { requiredKeys: ['jsonrpc', 'id', 'method'] },
);

function accepts(text: string): boolean {
  try {
    parseRequest(text);
    return true;
  } catch {
    return false;
  }
}

it('takes exactly the requests of the schema', () => {
  let taken = 0;
  fc.assert(
    fc.property(request, (each) => {
      const text = JSON.stringify(each);
      const valid = isRequest(JSON.parse(text));
      taken += Number(valid);
      expect(accepts(text)).toBe(valid);
    }),
    { numRuns: 3000 },
  );
  expect(taken).toBeGreaterThan(300);
});

it('takes every example of protocol/CONTROL.md', () => {
  const page = readFileSync(new URL('../../../protocol/CONTROL.md', import.meta.url), 'utf8');
  const examples = /```jsonl\n([^`]+)```/.exec(page)![1]!.trim().split('\n');
  expect(examples.length).toBeGreaterThan(3);
  for (const example of examples) {
    expect(isRequest(JSON.parse(example)), example).toBe(true);
    expect(accepts(example), example).toBe(true);
  }
});
