/** The QMP client: a session of four commands with a monitor that says anything. */
import fc from 'fast-check';
import { silentLogger } from '../../../src/base/logger.js';
import { openQmp, type QmpClient } from '../../../src/hypervisor/index.js';
import { parseMessage } from '../../../src/hypervisor/qemu/qmp-message.js';
import type { Random } from '../../unit/support/random.js';
import { wholeOf, type FuzzInput } from '../harness/input.js';
import { Session } from '../harness/session.js';
import { Tape } from '../harness/tape.js';
import { must, verdictOf, type FuzzTarget, type Verdict } from '../harness/target.js';
import { mutateJson } from '../mutate/json.js';
import { arbitrary, arrival, mutateTurns } from '../mutate/turns.js';
import { linesBy } from '../recording.js';
import { recordings } from '../recordings.js';

/** The longest message that is taken here, in bytes: less than what some inputs hold. */
const LONGEST = 32 * 1024;
const COMMANDS = 4;

const [greeting, agreed, ...rest] = linesBy('peer', recordings.qmp);
const events = rest.filter((line) => line.includes('"event"'));
const answers = rest.filter((line) => !line.includes('"event"'));

const pick = (lines: readonly Buffer[], random: Random): Buffer =>
  lines[random.below(lines.length)]!;

const renumbered = (line: Buffer, id: number): Buffer =>
  Buffer.from(line.toString().replace(/"id": \d+\}/, `"id": ${id}}`));

/** What a monitor of QEMU 7.2 might have said to these commands: recorded answers and events. */
function recorded(random: Random): Buffer[] {
  const turns = [greeting!, agreed!];
  for (let id = 2; id < 2 + COMMANDS; id++) {
    if (random.chance(0.3)) turns.push(pick(events, random));
    turns.push(renumbered(pick(answers, random), id));
  }
  return turns;
}

const id = fc.oneof(
  fc.integer({ min: 0, max: 7 }),
  fc.constantFrom('1', null, -1, 2 ** 53, [], { id: 1 }),
);
const value = fc.oneof(fc.constantFrom({}, [], null, 0, 'x'), fc.jsonValue({ maxDepth: 2 }));
const message = fc.oneof(
  fc.record({ return: value, id }),
  fc.record({ return: value }),
  fc.record({ error: fc.record({ class: value, desc: fc.string() }), id }),
  fc.record({ error: value, id }),
  fc.record({ event: fc.constantFrom('STOP', 'BLOCK_EXPORT_DELETED', '__proto__'), data: value }),
  fc.record({ QMP: fc.record({ version: value, capabilities: value }) }),
  value,
);
const messages = fc.array(message, { maxLength: 8 });

function make(random: Random): FuzzInput {
  if (random.chance(0.75))
    return { turns: mutateTurns(recorded(random), random, { lines: true }), ...arrival(random) };
  const said = arbitrary(messages, random).map((each) =>
    Buffer.from(`${JSON.stringify(each)}\r\n`),
  );
  const begun = random.pick([], [greeting!], [greeting!, agreed!]);
  const turns = random.chance(0.5) ? said : [Buffer.concat(said)];
  return { turns: [...begun, ...turns], ...arrival(random) };
}

/** Four commands at once, and one event that is waited for. */
async function talk(client: QmpClient, session: Session): Promise<void> {
  must(client.state !== 'connecting', 'A client that connects is open.');
  client.onLost(() => undefined);
  client.on('RESUME', () => undefined);
  const waiter = client.expect('BLOCK_EXPORT_DELETED', (data) => data.id === 'x', {
    timeoutMs: 5000,
  });
  session.watch(
    'an event',
    waiter.data.catch(() => undefined),
  );
  const commands = [
    'query-status',
    'query-block',
    'query-named-block-nodes',
    'query-jobs',
  ] as const;
  for (const command of commands) session.watch(command, client.execute(command, {}));
  await Promise.resolve();
}

async function read(input: FuzzInput): Promise<Verdict> {
  const tape = new Tape();
  const session = new Session(tape);
  const { clock } = session;
  let client: QmpClient | undefined;
  const options = { name: 'unix:/vm.qmp', clock, logger: silentLogger, maximumMessage: LONGEST };
  const open = async () => {
    client = await openQmp(tape, options);
    await talk(client, session);
  };
  session.watch('opening', open());
  await session.tell(input);
  const verdict = await session.settle(input, () => client?.close());
  await session.expectNoTimers();
  must(tape.destroyed, 'The stream is left open.');
  return verdict;
}

export const qmpTarget: FuzzTarget = {
  name: 'qmp',
  about: 'the QMP client, from the greeting to its end',
  share: 9,
  make,
  read,
};

function readMessage(input: FuzzInput): Verdict {
  return verdictOf(() => {
    const parsed = parseMessage(wholeOf(input).toString(), 'the monitor');
    must(['greeting', 'return', 'error', 'event'].includes(parsed.type), 'No kind of message.');
    if (parsed.type === 'error') must(typeof parsed.description === 'string', 'No description.');
    if (parsed.type === 'event') must(typeof parsed.event === 'string', 'No name of an event.');
  });
}

export const qmpMessageTarget: FuzzTarget = {
  name: 'qmp-message',
  about: 'one message of a monitor',
  share: 20,
  make(random) {
    const line = pick([greeting!, ...rest], random);
    const turns = random.chance(0.8)
      ? [mutateJson(line, random)]
      : [Buffer.from(JSON.stringify(arbitrary(message, random)))];
    return { turns, cuts: [], ending: 'end' };
  },
  read: readMessage,
};
