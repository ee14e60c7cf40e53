/** The events of a run as a process reads them that goes on with it: what they say of its disk. */
import fc from 'fast-check';
import { BlockSet, blockCount } from '../../../src/engine/blockset/index.js';
import { readEvents, Replay } from '../../../src/engine/continuation/index.js';
import type { Random } from '../../unit/support/random.js';
import { wholeOf, type FuzzInput } from '../harness/input.js';
import {
  kindOf,
  must,
  TAKEN,
  Violation,
  type FuzzTarget,
  type Verdict,
} from '../harness/target.js';
import { arbitrary, asLine, mutateTurns } from '../mutate/turns.js';
import { linesBy } from '../recording.js';
import { recordings } from '../recordings.js';

const lines = linesBy('peer', recordings.events);

const runs = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 8 }),
  fc.constantFrom<unknown>([0, 1], [3], [-1, 2], null, 'x', [1e9, 1], [{}], {}),
);
const count = fc.oneof(fc.nat(1000), fc.constantFrom<unknown>(-1, 0.5, 1e300, null, 'x'));
const body = fc.oneof(
  fc.record({ type: fc.constantFrom('allocated', 'taken-over'), blocks: runs, pending: runs }),
  fc.record({ type: fc.constant('dirty'), blocks: runs, flip: count }),
  fc.record({ type: fc.constant('plan'), deferred: fc.array(fc.record({ blocks: runs })) }),
  fc.record({
    type: fc.constant('sent'),
    blocks: runs,
    ...{ bytes: count, resentBytes: count, zeroBytes: count },
  }),
  fc.record({ type: fc.constant('statement'), line: count, round: count }),
  fc.record({ type: fc.constantFrom('summary', 'limits', '__proto__', 'toString', 'other') }),
);

function make(random: Random): FuzzInput {
  if (random.chance(0.6)) {
    const some = lines.slice(0, 1 + random.below(lines.length));
    return { turns: mutateTurns(some, random, { lines: true }), cuts: [], ending: 'end' };
  }
  const until = lines.findIndex((line) => line.includes('"allocated"'));
  const made = arbitrary(fc.array(body, { maxLength: 12 }), random).map((each, index) =>
    asLine({ seq: until + index, t: 1000 + index, ...each }),
  );
  return { turns: [...lines.slice(0, until), ...made], cuts: [], ending: 'end' };
}

async function read(input: FuzzInput): Promise<Verdict> {
  const replay = new Replay();
  const bytes = wholeOf(input);
  try {
    const told = await readEvents([bytes], (event) => replay.take(event));
    must(told.bytes <= bytes.length, 'More bytes than there are.');
    must(told.count === 0 || bytes[told.bytes - 1] === 0x0a, 'An event that does not end.');
    const { pending, sent, geometry, flip } = replay.replayed;
    const blocks = blockCount(geometry);
    must(
      pending.union(sent).difference(BlockSet.range(0, blocks)).isEmpty,
      'A block past the disk.',
    );
    must(Number.isSafeInteger(flip) && flip >= 0, 'A flip that is no number.');
    return TAKEN;
  } catch (error) {
    if (error instanceof Violation) throw error;
    return kindOf(error);
  }
}

export const traceTarget: FuzzTarget = {
  name: 'trace',
  about: 'the events of a run, and how far it was by what they say',
  share: 6,
  make,
  read,
};
