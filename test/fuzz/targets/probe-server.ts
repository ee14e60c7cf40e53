/** The simulated guest's probe, with a host that says anything. */
import fc from 'fast-check';
import { SimulatedProbe } from '../../../src/simulator/probe/index.js';
import { FakeGuest } from '../../unit/simulator/support/fake-guest.js';
import type { Random } from '../../unit/support/random.js';
import { wholeOf, type FuzzInput } from '../harness/input.js';
import { Session } from '../harness/session.js';
import { Tape } from '../harness/tape.js';
import { must, type FuzzTarget, type Verdict } from '../harness/target.js';
import { arbitrary, arrival, asLine, linesIn, mutateTurns } from '../mutate/turns.js';
import { saidBy } from '../recording.js';
import { recordings } from '../recordings.js';

const disk = { name: 'vda', size: 64 * 2 ** 20, serial: 'lab-disk0', pci: '00:01.0' };
const LONGEST_LINE = 65_536;

const asked = saidBy('reader', recordings.probe);

const value = fc.oneof(
  fc.constantFrom<unknown>(null, {}, [], 0, -1, 0.5, 2 ** 53, 'x', '', true, [0, 4096]),
  fc.jsonValue({ maxDepth: 1 }),
);
const query = fc.oneof(
  fc.constantFrom<unknown>({ size: disk.size }, { size: disk.size }, disk, { size: 1 }, null),
  fc.record({ size: value, serial: value, pci: value }, { requiredKeys: ['size'] }),
);
const params = fc.record(
  {
    disk: query,
    clean: fc.oneof(fc.boolean(), value),
    paths: fc.oneof(fc.boolean(), value),
    extents: fc.oneof(fc.array(fc.nat(2 ** 26), { maxLength: 8 }), value),
    anew: fc.boolean(),
    staged: fc.boolean(),
    mode: fc.constantFrom('hold', 'release', 'toString'),
    forMs: fc.oneof(fc.nat(700_000), value),
    silenceMs: fc.oneof(fc.nat(130_000), value),
    id: fc.nat(9),
  },
  { requiredKeys: ['disk', 'mode'] },
);
const request = fc.record(
  {
    id: fc.oneof({ weight: 9, arbitrary: fc.nat(9) }, value),
    method: fc.oneof(
      fc.constantFrom('hello', 'snapshot', 'stage', 'drain', 'trim', 'steer', 'ping', 'cancel'),
      fc.constantFrom('__proto__', 'constructor', ''),
    ),
    params: fc.oneof({ weight: 9, arbitrary: params }, { weight: 1, arbitrary: value }),
  },
  { requiredKeys: ['id', 'method'] },
);
const requests = fc.array(request, { maxLength: 10 });

function make(random: Random): FuzzInput {
  if (random.chance(0.03)) {
    const flood = Buffer.alloc(LONGEST_LINE + random.below(10), random.pick('[', '\n', '"'));
    return { turns: [flood, ...asked], ...arrival(random) };
  }
  const turns = random.chance(0.5)
    ? mutateTurns(asked, random, { lines: true })
    : arbitrary(requests, random).map(asLine);
  return { turns, ...arrival(random) };
}

function guestWithCache(): FakeGuest {
  const guest = new FakeGuest();
  guest.allFiles.set(12, { inode: 12, path: '/a', size: 8192, extents: [] });
  guest.runs = [
    { offset: 0, length: 4096, state: 'dirty', class: 'metadata' },
    { offset: 8192, length: 8192, state: 'dirty', class: 'data', inode: 12, ageMs: 5 },
    { offset: 2 ** 20, length: 4096, state: 'clean', class: 'data', inode: 12 },
  ];
  return guest;
}

async function read(input: FuzzInput): Promise<Verdict> {
  const tape = new Tape(true);
  const session = new Session(tape);
  const { clock } = session;
  const guest = guestWithCache();
  const before = JSON.stringify(guest.settings);
  const probe = new SimulatedProbe({ guest, clock, disks: [disk] });
  const ended = { isServed: false };
  const served = probe.serve(tape).then(() => (ended.isServed = true));
  session.watch('the conversation', input.ending === 'silence' ? Promise.resolve() : served);
  await session.tell(input);
  const verdict = await session.settle(input, () => probe.close());
  await session.expectNoTimers();
  must(ended.isServed && tape.destroyed, 'The connection is left open.');
  must(JSON.stringify(guest.settings) === before, 'The guest is left steered.');
  checkAnswers(input, tape.said);
  return verdict === 'taken' && tape.said.includes('"error"') ? 'refused' : verdict;
}

/** Each line is a message of the protocol, and no request has two last lines. */
function checkAnswers(input: FuzzInput, said: string): void {
  const whole = wholeOf(input);
  const most = 2 * linesIn(whole).length + 1;
  let answers = 0;
  for (const line of said.split('\n').filter((text) => text !== '')) {
    const message = JSON.parse(line) as Record<string, unknown>;
    const { id, result, error, hello, report, files, extents } = message;
    const kinds = [result, error, hello, report, files, extents].filter((part) => part);
    must(kinds.length === 1, `A line that is no message: ${line}`);
    must(hello !== undefined || id !== undefined, `A line that answers nothing: ${line}`);
    if (result !== undefined || error !== undefined) answers++;
  }
  must(answers <= most, `${answers} answers to ${most} lines.`);
}

export const probeServerTarget: FuzzTarget = {
  name: 'probe-server',
  about: "the simulated guest's probe, as it serves a host",
  share: 5,
  make,
  read,
};
