/** What an engine and its guardian say to each other, in both directions. */
import fc from 'fast-check';
import {
  longestMessage,
  parseFromGuardian,
  parseToGuardian,
} from '../../../src/engine/guardian/messages.js';
import { LineReader } from '../../../src/hypervisor/index.js';
import type { Random } from '../../unit/support/random.js';
import { chunksOf, wholeOf, type FuzzInput } from '../harness/input.js';
import { must, TAKEN, verdictOf, type FuzzTarget, type Verdict } from '../harness/target.js';
import { arbitrary, arrival, asLine, mutateTurns } from '../mutate/turns.js';
import { linesBy } from '../recording.js';
import { recordings } from '../recordings.js';

const engine = linesBy('reader', recordings.guardian);
const guardian = linesBy('peer', recordings.guardian);

const value = fc.oneof(
  fc.constantFrom<unknown>(null, {}, [], 0, -1, 2 ** 53, 0.5, '', 'x', true),
  fc.jsonValue({ maxDepth: 1 }),
);
const message = fc.record(
  {
    type: fc.oneof(
      fc.constantFrom('begin', 'take', 'renew', 'release', 'ready', 'refused', 'held', 'lost'),
      value,
    ),
    number: fc.oneof(fc.nat(9), value),
    task: value,
    by: fc.constantFrom('second', 'shared', '__proto__'),
    warning: value,
    message: value,
  },
  { requiredKeys: ['type'] },
);

function make(random: Random): FuzzInput {
  const turns = random.chance(0.7)
    ? mutateTurns(random.pick(engine, guardian), random, { lines: true })
    : arbitrary(fc.array(message, { minLength: 1, maxLength: 4 }), random).map(asLine);
  return { turns, ...arrival(random) };
}

function read(input: FuzzInput): Verdict {
  const whole = wholeOf(input);
  const sides = [parseToGuardian, parseFromGuardian].map((parse) =>
    verdictOf(() => {
      const lines = new LineReader('the other side', longestMessage);
      for (const [chunk] of chunksOf(whole, input.cuts))
        for (const line of lines.push(chunk)) checkMessage(parse(line));
    }),
  );
  return sides.includes(TAKEN) ? TAKEN : sides[0]!;
}

function checkMessage(parsed: ReturnType<typeof parseToGuardian | typeof parseFromGuardian>): void {
  if ('number' in parsed) must(Number.isSafeInteger(parsed.number), 'A number that is not exact.');
  if ('message' in parsed) must(typeof parsed.message === 'string', 'A message that is no text.');
  if (parsed.type === 'begin') must(typeof parsed.task === 'object', 'A task that is no object.');
}

export const guardianTarget: FuzzTarget = {
  name: 'guardian',
  about: 'what an engine and its guardian say to each other',
  share: 14,
  make,
  read,
};
