/** The simulated machine's QMP server: a client that says anything, to a machine with a disk. */
import fc from 'fast-check';
import { SimulatedFiles, SimulatedMachine } from '../../../src/simulator/machine/index.js';
import { FakeHost, MemoryImage } from '../../unit/simulator/machine/lab.js';
import type { Random } from '../../unit/support/random.js';
import type { FuzzInput } from '../harness/input.js';
import { Session, turn } from '../harness/session.js';
import { Tape } from '../harness/tape.js';
import { TAKEN, must, type FuzzTarget, type Verdict } from '../harness/target.js';
import { arbitrary, arrival, mutateTurns } from '../mutate/turns.js';

const DISK_BYTES = 64 * 1024;
const PATH = '/simulated/disk0.raw';
/** What a fuzzed client can have the server say in all, in bytes, for each byte that it said itself. */
const MOST_SAID = 8192;

const negotiation = { execute: 'qmp_capabilities' };
const bitmap = { node: 'disk0', name: 'a' };
const addr = { type: 'unix', data: { path: '/tmp/nbd' } };
const file = { driver: 'file', filename: '/simulated/new' };

/** What a client of a machine says when all goes well. */
const commands: readonly (readonly [name: string, args: unknown])[] = [
  ['query-commands', {}],
  ['query-block', {}],
  ['query-named-block-nodes', { flat: true }],
  ['x-debug-query-block-graph', {}],
  ['block-dirty-bitmap-add', { ...bitmap, granularity: 4096 }],
  ['block-dirty-bitmap-remove', bitmap],
  [
    'transaction',
    {
      actions: [
        { type: 'block-dirty-bitmap-add', data: { node: 'disk0', name: 'b' } },
        { type: 'block-dirty-bitmap-disable', data: bitmap },
        { type: 'block-dirty-bitmap-merge', data: { node: 'disk0', target: 'b', bitmaps: ['a'] } },
      ],
    },
  ],
  ['nbd-server-start', { addr }],
  ['nbd-server-stop', {}],
  ['block-export-add', { type: 'nbd', id: 'e', 'node-name': 'disk0', bitmaps: ['a'] }],
  ['block-export-del', { id: 'e', mode: 'hard' }],
  ['blockdev-create', { 'job-id': 'c', options: { ...file, size: 65_536 } }],
  ['blockdev-add', { driver: 'raw', 'node-name': 'new', file }],
  ['blockdev-mirror', { 'job-id': 'm', device: 'disk0', target: 'new', sync: 'none' }],
  ['job-complete', { id: 'm' }],
  ['job-dismiss', { id: 'c' }],
  ['cont', {}],
  ['stop', {}],
  ['qom-get', { path: '/machine/peripheral/vd0', property: 'serial' }],
  ['device_del', { id: 'vd0' }],
];

const said = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\r\n`);

function session(random: Random): Buffer[] {
  const turns = [said(negotiation)];
  for (let id = 1; id <= 8; id++) {
    const [execute, args] = commands[random.below(commands.length)]!;
    turns.push(said({ execute, arguments: args, id }));
  }
  return turns;
}

const anything = fc.array(
  fc.record(
    {
      execute: fc.constantFrom(...commands.map(([name]) => name), '__proto__', ''),
      arguments: fc.dictionary(
        fc.constantFrom('node', 'name', 'id', 'driver', '__proto__'),
        fc.jsonValue({ maxDepth: 3 }),
      ),
      id: fc.jsonValue({ maxDepth: 2 }),
    },
    { requiredKeys: [] },
  ),
  { maxLength: 8 },
);

function make(random: Random): FuzzInput {
  if (random.chance(0.75))
    return { turns: mutateTurns(session(random), random, { lines: true }), ...arrival(random) };
  const turns = [said(negotiation), ...arbitrary(anything, random).map(said)];
  return { turns, ...arrival(random) };
}

async function read(input: FuzzInput): Promise<Verdict> {
  const tape = new Tape();
  const told = new Session(tape);
  const { clock } = told;
  const createImage = ({ size }: { size: number }) => new MemoryImage(Math.min(size, DISK_BYTES));
  const files = new SimulatedFiles({ createImage, seed: 1 });
  files.create(PATH, DISK_BYTES);
  const machine = await SimulatedMachine.start({
    clock,
    logger: { log: (level, message) => must(level !== 'error', message) },
    files,
    createImage,
    host: new FakeHost(),
    disks: [{ id: 'vd0', node: 'disk0', path: PATH }],
  });
  const monitor = machine.attach(tape);
  await told.tell(input);
  while (clock.leap()) await turn();
  const bytes = input.turns.reduce((sum, { length }) => sum + length, 0);
  must(tape.saidBytes <= MOST_SAID * (bytes + 8), `It said ${tape.saidBytes} to ${bytes} bytes.`);
  if (!machine.ended) {
    tape.destroy();
    await turn();
    const next = new Tape();
    monitor.attach(next);
    for (let turns = 0; turns < 20 && !next.said.includes('QMP'); turns++) await turn();
    must(next.said.includes('QMP'), 'The next client is not greeted.');
    next.destroy();
  }
  await machine.kill();
  await told.expectNoTimers();
  return tape.said.split('{"return"').length > 2 ? TAKEN : 'refused';
}

export const qmpServerTarget: FuzzTarget = {
  name: 'qmp-server',
  about: "the simulated machine's QMP server, and the machine behind it",
  share: 1,
  make,
  read,
};
