/** A controller, with an engine process that says anything. */
import fc from 'fast-check';
import { ControlClient } from '../../../src/engine/index.js';
import type { Random } from '../../unit/support/random.js';
import type { FuzzInput } from '../harness/input.js';
import { Session } from '../harness/session.js';
import { Tape } from '../harness/tape.js';
import { must, type FuzzTarget, type Verdict } from '../harness/target.js';
import { arbitrary, arrival, asLine, linesIn, mutateTurns } from '../mutate/turns.js';
import { saidBy } from '../recording.js';
import { recordings } from '../recordings.js';

/** What was refused since no client of ours asks it. */
const [NONSENSE, MILE] = [7, 8];
const said = saidBy('peer', recordings.control)
  .filter((_, id) => id !== NONSENSE && id !== MILE)
  .map((turn) =>
    Buffer.from(turn.toString().replace('"id":9,', '"id":7,').replace('"id":10,', '"id":8,')),
  );

/** The last recorded turn is all the rest of a migration: an input has a few lines of it. */
function recorded(random: Random): Buffer[] {
  const lines = linesIn(said.at(-1)!);
  const from = random.below(lines.length);
  const some = [lines[0]!, ...lines.slice(from, from + 4), lines.at(-1)!];
  return [...said.slice(0, -1), Buffer.concat(some)];
}

const value = fc.oneof(
  fc.constantFrom<unknown>(null, {}, [], 0, 'x', { toString: 1, valueOf: 1 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const fault = fc.record(
  {
    kind: fc.oneof(fc.constantFrom('usage', 'defect', '__proto__'), value),
    message: value,
    hint: value,
  },
  { requiredKeys: [] },
);
const message = fc.oneof(
  fc.record({ id: fc.oneof(fc.nat(6), value), result: value }),
  fc.record({
    id: fc.oneof(fc.nat(6), value),
    error: fc.oneof(
      value,
      fc.record({ code: value, message: value, data: fc.oneof(fault, value) }),
    ),
  }),
  fc.record({ method: fc.constantFrom('event', 'ended', 'log', 'other'), params: value }),
  fc.record({
    method: fc.constant('ended'),
    params: fc.record({ summary: value, error: fc.oneof(fault, value) }, { requiredKeys: [] }),
  }),
  fc.record({ method: fc.constantFrom('event', 'ended', 'log') }),
  value,
);

function make(random: Random): FuzzInput {
  if (random.chance(0.65))
    return { turns: mutateTurns(recorded(random), random, { lines: true }), ...arrival(random) };
  const begun = said.slice(0, random.pick(0, 1, 2));
  const more = arbitrary(fc.array(message, { maxLength: 8 }), random).map(asLine);
  return { turns: [...begun, ...more], ...arrival(random) };
}

/** What an engine calls a defect of its own is passed on as a plain error. */
function heardOfDefect(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'Error') throw error;
}

async function read(input: FuzzInput): Promise<Verdict> {
  const tape = new Tape();
  const session = new Session(tape);
  const client = new ControlClient('k3x9', tape, {
    event(event) {
      const known: unknown = event;
      must(typeof known === 'object' && known !== null, 'An event that is no object.');
      must(typeof event.type === 'string', 'An event without a type.');
    },
    log: (text: unknown) => must(typeof text === 'string', 'A warning that is no text.'),
  });
  const ask = async () => {
    await client.state();
    await client.attach('a script');
    await client.tell({ command: 'pause' });
    await client.tell({ command: 'step', unit: 'statement' });
    await client.tell({ command: 'step', unit: 'batch' });
    await client.tell({ command: 'limits', limits: { maxRounds: 20 } });
    await client.tell({ command: 'decide', decision: 'more-rounds' }).catch(() => undefined);
    await client.tell({ command: 'run' });
    await client.state();
  };
  const end = async () => {
    const told = await client.ended();
    must(told !== undefined, 'A run that was left without being asked.');
    must(typeof (told.error?.message ?? '') === 'string', 'An error without a message.');
  };
  session.watch('requests', ask().catch(heardOfDefect));
  session.watch('the end', end());
  await session.tell(input);
  const verdict = await session.settle(input, () => client.destroy());
  must(tape.destroyed, 'The connection is left open.');
  return verdict;
}

export const controlClientTarget: FuzzTarget = {
  name: 'control-client',
  about: 'a controller, as it reads what an engine process says',
  share: 6,
  make,
  read,
};
