/** The real command that moves a busy guest's disk: Ctrl-C, once and twice, and its death; and its engine process's. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { MigrationEvent, SummaryEvent } from '../../src/engine/index.js';
import { openRunFolder, runStatus, type RunStatus } from '../../src/engine/index.js';
import { MigrationLab } from './support/migration.js';
import { leftovers } from './support/qemu-leftovers.js';
import { QmpRelay } from './support/qmp-relay.js';

const command = join(import.meta.dirname, '../../dist/cli.js');
let lab: MigrationLab;

beforeAll(async () => {
  lab = await MigrationLab.boot({ workload: 'zipf-rewrite', rate: 40 });
});
afterAll(() => lab[Symbol.asyncDispose]());

interface Ended {
  readonly code: number | null;
  readonly events: readonly MigrationEvent[];
  readonly errors: string;
}

const state = () => join(lab.folder, 'state');

/** How the run of these events stands. */
async function statusOf(events: readonly MigrationEvent[]): Promise<RunStatus> {
  const start = events.find((event) => event.type === 'start')!;
  return runStatus(await openRunFolder(join(state(), 'runs'), start.run));
}

/** Resolves when the run has ended. */
async function untilEnded(events: readonly MigrationEvent[]): Promise<void> {
  const ended = async () => expect(await statusOf(events)).toMatchObject({ state: 'ended' });
  await vi.waitFor(ended, { timeout: 60_000, interval: 100 });
}

/** Sends the command a signal, SIGINT unless told. */
type Interrupt = (signal?: NodeJS.Signals) => void;

/** Runs `migrascope migrate --json` with pivot; `onEvent` and `onError` may send it signals. */
async function migrate(
  path: string,
  options: {
    readonly host?: string;
    readonly flags?: readonly string[];
    readonly onEvent?: (event: MigrationEvent, interrupt: Interrupt) => void;
    readonly onError?: (errors: string, interrupt: Interrupt) => void;
  },
): Promise<Ended> {
  const { host = lab.guest.qmp, flags = [] } = options;
  const fixed = ['--to', `file:${path}`, '--pivot', '--json', '--policy', 'plain'];
  const args = ['migrate', host, 'disk0', ...fixed, '--max-bandwidth', '24MiB', ...flags];
  return run(args, options);
}

/** Runs the command; `onEvent` and `onError` may send it signals. */
async function run(
  args: readonly string[],
  options: Parameters<typeof migrate>[1],
): Promise<Ended> {
  const env = { ...process.env, MIGRASCOPE_STATE: state() };
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const child = spawn(process.execPath, [command, ...args], { env, stdio: [...stdio] });
  const interrupt = (signal: NodeJS.Signals = 'SIGINT') => void child.kill(signal);
  const events: MigrationEvent[] = [];
  let errors = '';
  try {
    createInterface(child.stdout).on('line', (line) => {
      const event = JSON.parse(line) as MigrationEvent;
      events.push(event);
      options.onEvent?.(event, interrupt);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
      options.onError?.(errors, interrupt);
    });
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, events, errors };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Interrupts at the first event for which `when` holds. */
function interruptAt(when: (event: MigrationEvent) => boolean, signal?: NodeJS.Signals) {
  let done = false;
  return (event: MigrationEvent, interrupt: Interrupt) => {
    if (done || !when(event)) return;
    done = true;
    interrupt(signal);
  };
}

describe('Ctrl-C cancels in order', () => {
  test.each<readonly [string, (event: MigrationEvent) => boolean]>([
    ['in the bulk round', (event) => event.type === 'sent'],
    ['in the last rounds', (event) => event.type === 'statement' && event.line === 12],
    ['while the guest is paused', (event) => event.type === 'paused'],
  ])('%s', async (_, when) => {
    const path = lab.newPath();
    const flags = ['--verify', 'full', '--downtime-limit', '20s'];
    const ended = await migrate(path, { flags, onEvent: interruptAt(when) });
    expect(ended.code, ended.errors).toBe(130);
    expect(ended.errors).toMatch(/^migrascope: The migration was cancelled\./m);
    const summary = ended.events.at(-1) as SummaryEvent;
    expect(summary).toMatchObject({ type: 'summary', outcome: 'cancelled', guest: 'running' });
    expect(summary.switchedOver).toBe(false);
    await lab.expectUnharmed(path);
  });
});

test('a second Ctrl-C stops at once, and says what it leaves', async () => {
  await using relay = await QmpRelay.listen(lab.newPath('qmp'), lab.guest.qmp);
  const path = lab.newPath();
  let second = false;
  const ended = await migrate(path, {
    host: relay.host,
    onEvent: interruptAt((event) => {
      if (event.type === 'sent') relay.stall();
      return event.type === 'sent';
    }),
    onError: (errors, interrupt) => {
      if (second || !errors.includes('press Ctrl-C again')) return;
      second = true;
      interrupt();
    },
  });
  expect(ended.code, ended.errors).toBe(130);
  expect(ended.errors).toMatch(/^migrascope: stopped at once\. The run \S+ goes on/m);
  expect(ended.events.some(({ type }) => type === 'summary')).toBe(false);
  await lab.expectOnSource();
  expect(await leftovers(lab.monitor)).not.toEqual([]);
  relay.cut();
  await untilEnded(ended.events);
  await lab.removeLeftovers();
  await lab.expectUnharmed();
});

test('its engine process killed while the guest is paused: its guardian resumes the guest', async () => {
  const path = lab.newPath();
  const flags = ['--verify', 'full', '--downtime-limit', '20s'];
  const seen: MigrationEvent[] = [];
  const onEvent = (event: MigrationEvent) => {
    seen.push(event);
    if (event.type !== 'paused') return;
    void statusOf(seen).then(({ begin }) => process.kill(begin!.process.pid, 'SIGKILL'));
  };
  const ended = await migrate(path, { flags, onEvent });
  expect(ended.code).toBe(1);
  expect(ended.errors).toMatch(/^migrascope: The engine process of the run \S+ is gone\./m);
  await vi.waitFor(() => lab.expectOnSource(), { timeout: 20_000, interval: 100 });
  expect(await statusOf(ended.events)).toMatchObject({ state: 'dead' });
  await lab.removeLeftovers();
  await lab.expectUnharmed();
});

test('killed while the guest is paused: the run goes on, and another command sees its end', async () => {
  const path = lab.newPath();
  const flags = ['--verify', 'full', '--downtime-limit', '20s'];
  const onEvent = interruptAt((event) => event.type === 'paused', 'SIGKILL');
  const killed = await migrate(path, { flags, onEvent });
  expect(killed.code).toBeNull();
  expect(killed.events.at(-1)?.type).toBe('paused');
  const { run: id } = await statusOf(killed.events);
  const attached = await run(['attach', id, '--json'], {});
  expect(attached.code, attached.errors).toBe(0);
  expect(attached.events.slice(0, killed.events.length)).toEqual(killed.events);
  expect(attached.events.at(-1)).toMatchObject({ type: 'summary', switchedOver: true });
  await untilEnded(killed.events);
  await lab.expectOnSource(`disk0.${id}`);
  expect(await lab.lab.verify()).toBeGreaterThan(0);
});

test('a run that begins held and is left at once stands until somebody attaches', async () => {
  const path = lab.newPath();
  const flags = ['--to', `file:${path}`, '--pivot', '--policy', 'plain', '--detach', '--step'];
  const disk = (await lab.diskNode())!;
  const begun = await run(['migrate', lab.guest.qmp, disk, ...flags], {});
  expect(begun.code, begun.errors).toBe(0);
  const id = /The run (\S+) goes on/.exec(begun.errors)![1]!;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const folder = await openRunFolder(join(state(), 'runs'), id);
  expect(await runStatus(folder)).toMatchObject({ state: 'running' });
  const attached = await run(['attach', id, '--cancel', '--json'], {});
  expect(attached.code, attached.errors).toBe(130);
});
