/** Sessions around a real guest of the lab: its monitor, probe and agent, and a migration of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { identifyProcess } from '../../../src/engine/runs/process.js';
import type { GuardianTask, ToGuardian } from '../../../src/engine/guardian/messages.js';
import { connectProbe, GuestAgent } from '../../../src/probe/index.js';
import type { LabGuest } from '../../../src/lab/index.js';
import { withLab } from '../../qemu/support/lab.js';
import type { Turn } from '../recording.js';
import { beginning, type Store } from './store.js';
import { Tap, Turns } from './tap.js';

const MIB = 2 ** 20;
const pathOf = (address: string): string => address.replace('unix:', '');

/** Records everything that needs a guest. */
export async function recordGuest(store: Store): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'migrascope-record-'));
  try {
    const options = { size: 64 * MIB, memory: 256 * MIB, agent: true } as const;
    await withLab(options, async ({ guest }) => {
      await neutralise(store, guest, folder);
      await recordMigration(store, guest, folder);
      await recordProbe(store, guest, folder);
      await recordAgent(store, guest, folder);
      await recordGuardian(store, guest, folder);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function neutralise(store: Store, guest: LabGuest, folder: string): Promise<void> {
  const { machine, bootId, pidNamespace } = await identifyProcess();
  store.rename(folder, '/srv/lab');
  store.rename(pathOf(guest.qmp).replace(/\/[^/]*$/, ''), '/run/lab');
  store.rename(guest.disks[0]!.image.replace(/\/[^/]*$/, ''), '/srv/images');
  store.rename(process.cwd(), '/srv/migrascope');
  store.rename(`${tmpdir()}/`, '/run/');
  store.rename(guest.name, 'lab');
  store.rename(bootId ?? '', '01234567-89ab-cdef-0123-456789abcdef');
  store.rename(pidNamespace ?? '', 'pid:[4026531836]');
  store.rename(`"${machine}"`, '"host"');
}

/** A migration by the command, steered by a controller that speaks the protocol by hand. */
async function recordMigration(store: Store, guest: LabGuest, folder: string): Promise<void> {
  const state = join(folder, 'state');
  await using tap = await Tap.listen(join(folder, 'qmp'), pathOf(guest.qmp));
  const args = ['migrate', `unix:${tap.path}`, 'disk0', '--to', `file:${join(folder, 'new.img')}`];
  const child = spawn(
    process.execPath,
    ['dist/cli.js', ...args, '--json', '--max-bandwidth', '24MiB'],
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, MIGRASCOPE_STATE: state } },
  );
  const ended = once(child, 'exit');
  const run = await untilRun(join(state, 'runs'));
  const path = join(state, 'runs', run, 'control');
  // The socket is there a moment before the engine serves it.
  let turns = await control(path);
  while (turns.length < 3) turns = await control(path);
  await ended;
  store.rename(`migrascope ${child.pid ?? 0}`, 'migrascope 1000');
  store.save('qmp', {
    about: 'Our QMP client and QEMU 7.2, in a migration.',
    turns: tap.turns.text,
  });
  store.save('control', { about: 'A controller and the engine process of a migration.', turns });
  const [journal, events] = await Promise.all(
    ['journal.jsonl', 'events.jsonl'].map((name) =>
      readFile(join(state, 'runs', run, name), 'utf8'),
    ),
  );
  const file = (text: string) => [{ by: 'peer', text: beginning(text) } as const];
  store.save('journal', { about: 'The journal of a migration.', turns: file(journal!) });
  store.save('events', { about: 'The events of a migration.', turns: file(events!) });
}

async function untilRun(runs: string): Promise<string> {
  for (;;) {
    const [run] = await readdir(runs).catch(() => []);
    const there = run !== undefined && (await isThere(join(runs, run, 'control')));
    if (there) return run;
    await delay(20);
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Everything that a controller may say, one by one, and all that it hears until the run ends. */
async function control(path: string): Promise<Turn[]> {
  const turns = new Turns();
  const socket = createConnection(path);
  let heard = 0;
  socket.on('error', () => undefined);
  const lines = createInterface({ input: socket }).on('error', () => undefined);
  let wake: () => void = () => undefined;
  socket.on('data', (bytes: Buffer) => turns.add('peer', bytes));
  lines.on('line', (line) => {
    if (!line.includes('"method":')) heard++;
    wake();
  });
  const ended = new Promise((resolve) => socket.once('close', resolve));
  socket.once('close', () => wake());
  const asked: [method: string, params?: object][] = [
    ['state'],
    ['attach', { name: 'a script', from: 0 }],
    ['pause'],
    ['step', { unit: 'statement' }],
    ['step', { unit: 'batch' }],
    ['limits', { maxBandwidth: 50_000_000, downtimeLimitMs: 200, maxRounds: 20 }],
    ['decide', { decision: 'more-rounds' }],
    ['nonsense'],
    ['step', { unit: 'mile' }],
    ['run'],
    ['state'],
  ];
  for (const [id, [method, params]] of asked.entries()) {
    const text = `${JSON.stringify({ jsonrpc: '2.0', id, method, ...(params ? { params } : {}) })}\n`;
    turns.add('reader', Buffer.from(text));
    socket.write(text);
    while (heard <= id && !socket.closed) await new Promise<void>((resolve) => (wake = resolve));
  }
  await ended;
  return turns.text;
}

async function recordProbe(store: Store, guest: LabGuest, folder: string): Promise<void> {
  await using tap = await Tap.listen(join(folder, 'probe'), pathOf(guest.probe!));
  const probe = await connectProbe({ type: 'unix', path: tap.path });
  const [disk] = probe.info.disks;
  await probe.snapshot({ disk: disk!, clean: true });
  await probe.drain({ disk: disk!, extents: [{ offset: 0, length: MIB }] });
  await probe.trim({ disk: disk! });
  await probe.steer({ mode: 'hold', forMs: 2000 });
  await probe.snapshot({ disk: disk!, clean: false });
  await probe.close();
  store.save('probe', { about: "The engine and the guest's probe.", turns: tap.turns.text });
}

async function recordAgent(store: Store, guest: LabGuest, folder: string): Promise<void> {
  await using tap = await Tap.listen(join(folder, 'agent'), pathOf(guest.agent!));
  const agent = await GuestAgent.open(createConnection(tap.path));
  await agent.commands();
  await agent.writeFile('/run/witness', Buffer.from('a small file\n'));
  await agent.run('uname', '-m');
  await agent.execute('guest-exec', { path: '/nowhere' }).catch(() => undefined);
  await agent.run('rm', '/run/witness');
  agent.close();
  // The sentinels before answers are no UTF-8.
  const { binary: turns } = tap.turns;
  store.save('agent', { about: 'The engine and qemu-guest-agent.', turns });
}

async function recordGuardian(store: Store, guest: LabGuest, folder: string): Promise<void> {
  const child = spawn(process.execPath, ['dist/guardian.js'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const turns = new Turns();
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const say = (message: ToGuardian) => {
    const text = `${JSON.stringify(message)}\n`;
    turns.add('reader', Buffer.from(text));
    child.stdin.write(text);
  };
  const hear = async () => {
    const { value } = (await lines.next()) as { value: string };
    turns.add('peer', Buffer.from(`${value}\n`));
  };
  const task: GuardianTask = {
    run: 'k3x9',
    journal: join(folder, 'journal.jsonl'),
    name: guest.name,
    address: { type: 'unix', path: pathOf(guest.qmp) },
    second: { type: 'unix', path: pathOf(guest.monitor) },
    engine: await identifyProcess(),
    leaseMs: 5000,
    scope: 'disk',
  };
  say({ type: 'begin', task });
  await hear();
  for (const number of [1, 2, 3]) {
    say({ type: number === 1 ? 'take' : 'renew', number });
    await hear();
  }
  say({ type: 'release' });
  child.stdin.end();
  await once(child, 'exit');
  store.save('guardian', { about: 'An engine and its guardian.', turns: turns.text });
}
