/** The fuzzing finds what it is there for. */
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.js';
import { campaign, inputOf } from '../../fuzz/harness/campaign.js';
import { decodeInput, encodeInput, wholeOf, type FuzzInput } from '../../fuzz/harness/input.js';
import { formatFailure } from '../../fuzz/harness/report.js';
import { Session } from '../../fuzz/harness/session.js';
import { Tape } from '../../fuzz/harness/tape.js';
import { verdictOf, type FuzzTarget, type Verdict } from '../../fuzz/harness/target.js';
import { targets } from '../../fuzz/targets/index.js';

/** A reader of noise in which a `!` stands now and then. */
function reader(read: (input: FuzzInput) => Verdict | Promise<Verdict>): FuzzTarget {
  return {
    name: 'noise',
    about: 'noise',
    share: 1,
    make: (random) => {
      const noise = Buffer.from(Array.from({ length: 200 }, () => random.below(256)));
      return { turns: [noise], cuts: [7], ending: 'end' };
    },
    read,
  };
}

const isTrouble = (input: FuzzInput): boolean => wholeOf(input).includes('!');

/** A reader that waits for its peer's end, and does `wrong` where there is trouble. */
async function waitFor(input: FuzzInput, wrong: () => Promise<unknown>): Promise<Verdict> {
  const tape = new Tape();
  const session = new Session(tape);
  tape.resume();
  const ended = new Promise((resolve) => tape.once('close', resolve));
  session.watch('the end', isTrouble(input) ? wrong() : ended);
  await session.tell(input);
  return session.settle(input, () => tape.destroy());
}

const faults: readonly [what: string, target: FuzzTarget, message: RegExp][] = [
  [
    'an error that is no typed one',
    reader((input) =>
      verdictOf(() => {
        if (isTrouble(input)) throw new RangeError('Too far.');
        throw new ProtocolError('Noise.');
      }),
    ),
    /An error that is not of src\/base\/errors\.ts: RangeError: Too far\./,
  ],
  [
    'a promise that never settles',
    reader((input) => waitFor(input, () => new Promise(() => undefined))),
    /Still waiting 40 turns after the end: the end\./,
  ],
  [
    'a rejection with any error',
    reader((input) => waitFor(input, () => Promise.reject(new TypeError('No.')))),
    /An error that is not of src\/base\/errors\.ts: TypeError: No\./,
  ],
  [
    'bytes that are copied again and again',
    reader((input) => {
      let all: Buffer = Buffer.alloc(0);
      for (let times = 0; isTrouble(input) && times < 10_000; times++)
        all = Buffer.concat([all, Buffer.from('x')]);
      return all.length > 0 ? 'much' : 'taken';
    }),
    /\d+ bytes were copied for an input of 200 bytes/,
  ],
];

describe('fuzzing', () => {
  it.each(faults)('finds %s', async (_, target, message) => {
    const outcome = await campaign(target, { inputs: 200, seed: 1 });
    expect(outcome.failure?.error).toMatchObject({
      message: expect.stringMatching(message) as string,
    });
    expect(formatFailure(outcome, 1)).toContain(
      `Again: npm run fuzz -- --target noise --seed 1 --input ${outcome.failure!.number}`,
    );
    expect(isTrouble(outcome.failure!.input)).toBe(true);
  });

  it('makes the input small with which it goes wrong', async () => {
    const [, target] = faults[0]!;
    const { failure } = await campaign(target, { inputs: 200, seed: 1 });
    expect(wholeOf(failure!.input).toString()).toBe('!');
  });

  it.each(targets)('gives $name the same inputs for the same seed', (target) => {
    for (const number of [0, 7]) {
      const input = inputOf(target, 3, number);
      expect(inputOf(target, 3, number)).toEqual(input);
      expect(decodeInput(encodeInput(input))).toEqual(input);
    }
    expect(inputOf(target, 3, 8)).not.toEqual(inputOf(target, 4, 8));
  });
});
