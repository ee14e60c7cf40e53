/** The client of qemu-guest-agent: an upload to a guest that says anything. */
import fc from 'fast-check';
import { GuestAgent } from '../../../src/probe/index.js';
import type { Random } from '../../unit/support/random.js';
import type { FuzzInput } from '../harness/input.js';
import { Session } from '../harness/session.js';
import { Tape } from '../harness/tape.js';
import type { FuzzTarget, Verdict } from '../harness/target.js';
import { arbitrary, arrival, asLine, mutateTurns } from '../mutate/turns.js';
import { saidBy } from '../recording.js';
import { recordings } from '../recordings.js';

/** Between two looks at whether a program has ended, the client only sleeps. */
const NAPS = 1;

const asked = saidBy('reader', recordings.agent)
  .map((turn) => turn.toString('latin1'))
  .join('');
const recordedId = /"id":(\d+)/.exec(asked)![1]!;
const said = saidBy('peer', recordings.agent);
/** Without the answers after which the client only sleeps. */
const awake = said.filter((turn) => !turn.includes('"exited": false'));

const value = fc.oneof(
  fc.constantFrom<unknown>({}, [], null, 0, 'x', -1, 2 ** 53),
  fc.constantFrom<unknown>(
    { pid: 1 },
    { count: 13 },
    { exited: true },
    { exited: true, exitcode: 0 },
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const message = fc.oneof(
  fc.record({ return: value }),
  fc.record({ error: fc.oneof(value, fc.record({ class: value, desc: fc.string() })) }),
  value,
);
const messages = fc.array(message, { maxLength: 6 });

function make(random: Random): FuzzInput {
  const exchange = random.chance(0.8) ? awake : said;
  if (random.chance(0.75))
    return { turns: mutateTurns(exchange, random, { lines: true }), ...arrival(random) };
  const begun = said.slice(0, random.pick(0, 1, 2));
  return { turns: [...begun, ...arbitrary(messages, random).map(asLine)], ...arrival(random) };
}

/** What was asked when the exchange was recorded. */
async function ask(agent: GuestAgent): Promise<void> {
  await agent.commands();
  await agent.writeFile('/run/witness', Buffer.from('a small file\n'));
  await agent.run('uname', '-m');
  await agent.execute('guest-exec', { path: '/nowhere' }).catch(() => undefined);
  await agent.run('rm', '/run/witness');
}

async function read(input: FuzzInput): Promise<Verdict> {
  const tape = new Tape();
  const session = new Session(tape);
  let agent: GuestAgent | undefined;
  const open = async () => {
    agent = await GuestAgent.open(tape, { clock: session.clock });
    await ask(agent);
  };
  session.watch('the session', open());
  await session.tell(input, (bytes) => {
    const own = /"id":(\d+)/.exec(tape.said)?.[1] ?? recordedId;
    return Buffer.from(bytes.toString('latin1').replaceAll(recordedId, own), 'latin1');
  });
  const verdict = await session.settle(input, () => agent?.close(), NAPS);
  await session.expectNoTimers();
  return verdict;
}

export const agentTarget: FuzzTarget = {
  name: 'agent',
  about: 'a session with qemu-guest-agent: synchronising, writing a file, running programs',
  share: 5,
  make,
  read,
};
