/** Both line readers, against a plain one that has the whole text: the same lines in any cut, or the same refusal. */
import fc from 'fast-check';
import { LineReader } from '../../../src/hypervisor/index.js';
import { LineSplitter } from '../../../src/probe/lines.js';
import type { Random } from '../../unit/support/random.js';
import { chunksOf, wholeOf, type FuzzInput } from '../harness/input.js';
import { must, verdictOf, type FuzzTarget, type Verdict } from '../harness/target.js';
import { arbitrary, arrival, mutateTurns } from '../mutate/turns.js';
import { recordings } from '../recordings.js';
import { linesBy } from '../recording.js';

/** The longest line that is taken here, in bytes. */
const LIMIT = 600;

const recorded = [recordings.qmp, recordings.probe, recordings.events].map((recording) =>
  linesBy('peer', recording),
);

const texts = fc.array(
  fc.oneof(
    fc.constantFrom('\n', '\r\n', '\n\n', 'é', '\u{1f600}', '\ufeff', '\0'),
    fc.string({ maxLength: 80 }),
    fc.string({ minLength: 300, maxLength: 700, unit: 'binary' }),
  ),
  { maxLength: 12 },
);

function make(random: Random): FuzzInput {
  const lines = random.pick(recorded[0]!, recorded[1]!, recorded[2]!);
  const from = random.below(lines.length);
  const turns = random.chance(0.3)
    ? [Buffer.from(arbitrary(texts, random).join(''))]
    : mutateTurns(lines.slice(from, from + 1 + random.below(6)), random, { lines: false });
  return { turns, ...arrival(random) };
}

/** Lines without their ends, and whether a line is too long; `endLength` counts towards the limit. */
function plainLines(whole: Buffer, endLength: number): { lines: Buffer[]; tooLong: boolean } {
  const lines: Buffer[] = [];
  for (let start = 0; ;) {
    const end = whole.indexOf(0x0a, start);
    const line = whole.subarray(start, end < 0 ? whole.length : end);
    const length = line.length + (end < 0 ? 0 : endLength);
    if (length > LIMIT) return { lines, tooLong: true };
    if (end < 0) return { lines, tooLong: false };
    lines.push(line);
    start = end + 1;
  }
}

function read(input: FuzzInput): Verdict {
  const whole = wholeOf(input);
  const got: Buffer[] = [];
  const splitter = new LineSplitter(LIMIT);
  const split = verdictOf(() => {
    for (const [chunk] of chunksOf(whole, input.cuts))
      splitter.push(chunk, (line) => got.push(line));
  });
  const plain = plainLines(whole, 1);
  must((split === 'protocol') === plain.tooLong, `LineSplitter: ${split}, ${got.length} lines`);
  const same = Buffer.concat(got).equals(
    Buffer.concat(plain.lines.flatMap((line) => [line, Buffer.from('\n')])),
  );
  must(same, 'LineSplitter gives other lines than there are.');
  return readText(whole, input);
}

function readText(whole: Buffer, input: FuzzInput): Verdict {
  const reader = new LineReader('the peer', LIMIT);
  const got: string[] = [];
  const verdict = verdictOf(() => {
    for (const [chunk] of chunksOf(whole, input.cuts))
      for (const line of reader.push(chunk)) got.push(line);
  });
  const { lines, tooLong } = plainLines(whole, 0);
  const bad = lines.findIndex((line) => !isUtf8(line));
  const expected = bad >= 0 ? 'protocol' : tooLong ? 'limit' : 'taken';
  must(verdict === expected, `LineReader: ${verdict} instead of ${expected}`);
  const good = (bad >= 0 ? lines.slice(0, bad) : lines).map((line) =>
    new TextDecoder().decode(line),
  );
  must(
    got.length === good.length && got.every((line, index) => line === good[index]),
    'LineReader gives other lines than there are.',
  );
  return verdict;
}

function isUtf8(line: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(line);
    return true;
  } catch {
    return false;
  }
}

export const linesTarget: FuzzTarget = {
  name: 'lines',
  about: 'how bytes are cut into lines: QMP, control socket, guardian; probe, guest agent',
  share: 8,
  make,
  read,
};
