/**
 * A simulated host as people have it: `migrascope lab up --simulated`, a process of its own, and the
 * built command and clients that nobody here wrote on it, over unix sockets and over TCP.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SummaryEvent } from '../../src/engine/index.js';
import type { LabGuest } from '../../src/lab/index.js';
import { run } from './support/nbd-servers.js';

const built = join(import.meta.dirname, '../../dist/cli.js');
const DISK = ['--disk', '64MiB'] as const;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migrascope-test-'));
});
afterEach(async () => {
  await migrascope('lab', 'down');
  await rm(folder, { recursive: true });
});

/** The built command, with folders of this test's own. */
function migrascope(...args: readonly string[]): Promise<Ended> {
  const own = { XDG_RUNTIME_DIR: folder, XDG_CACHE_HOME: folder, MIGRASCOPE_STATE: folder };
  const env = { ...process.env, ...own };
  return new Promise((resolve) => {
    execFile(process.execPath, [built, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

async function up(...args: readonly string[]): Promise<LabGuest> {
  const { stdout, stderr } = await migrascope(
    ...['lab', 'up', '--simulated', ...DISK, '--json', ...args],
  );
  expect(stderr).toBe('');
  return JSON.parse(stdout) as LabGuest;
}

/** Moves the guest's disk, and gives how it ended. */
async function migrate(to: string, ...args: readonly string[]) {
  const ended = await migrascope('migrate', 'lab', 'disk0', '--to', to, '--json', ...args);
  const summary = JSON.parse(ended.stdout.trim().split('\n').at(-1)!) as SummaryEvent;
  return { ...ended, summary };
}

const fault = (...args: readonly string[]): Promise<Ended> => migrascope('lab', 'fault', ...args);

describe('faults on demand', () => {
  it('each has its effect on a migration, and none of it stays', async () => {
    const { destination } = await up();
    expect(await fault('read-error', '--at', '0')).toMatchObject({ code: 0, stderr: '' });
    const failed = await migrate(destination!);
    expect(failed).toMatchObject({ code: 1, summary: { guest: 'running', switchedOver: false } });
    expect(failed.stderr).toContain('at 0');
    await fault('none');
    expect((await fault('destination-dies')).code).toBe(0);
    expect(await migrate(destination!)).toMatchObject({ code: 1 });
    await fault('none');
    await fault('probe-dies');
    const without = { probe: 'none', verified: true, guest: 'running' };
    expect(await migrate(destination!)).toMatchObject({ code: 0, summary: without });
    await fault('none');
    const whole = { probe: 'kcore', verified: true };
    expect(await migrate(destination!)).toMatchObject({ code: 0, stderr: '', summary: whole });
  });

  it('one that strikes in the middle leaves the guest on its source', async () => {
    const { destination } = await up();
    const cap = ['--max-bandwidth', '2MiB'];
    const migration = migrate(destination!, ...cap);
    const sent = async (): Promise<boolean> =>
      (await run('nbdinfo', '--map', destination!)).includes('data');
    while (!(await sent()));
    await fault('network-cut');
    expect(await migration).toMatchObject({
      code: 1,
      summary: { outcome: 'failed', switchedOver: false, guest: 'running' },
    });
  });
});

describe('over TCP', () => {
  it('it is moved to, and with a pivot moved, with no socket in a folder', async () => {
    const guest = await up('--tcp');
    const addresses = [guest.qmp, guest.monitor, guest.probe, guest.hostPort];
    for (const address of addresses) expect(address).toMatch(/^tcp:127\.0\.0\.1:\d+$/);
    expect(guest.destination).toMatch(/^nbd:\/\/127\.0\.0\.1:\d+\/destination$/);
    const [address, ...rest] = addresses;
    expect(new Set([address, ...rest, guest.destination]).size).toBe(5);
    expect(await migrate(guest.destination!)).toMatchObject({
      ...{ code: 0, stderr: '' },
      summary: { verified: true, guest: 'running', switchedOver: false },
    });
    const info = JSON.parse(await run('nbdinfo', '--json', guest.destination!)) as {
      exports: object[];
    };
    expect(info.exports[0]).toMatchObject({
      ...{ 'export-name': 'destination', 'export-size': 64 * 1024 ** 2 },
      ...{ is_read_only: false, can_multi_conn: true, contexts: ['base:allocation'] },
    });
    expect(await migrate(`file:${join(folder, 'new.img')}`, '--pivot')).toMatchObject({
      code: 0,
      summary: { verified: true, guest: 'running', switchedOver: true },
    });
    expect(await readdir(join(folder, 'migrascope-lab/lab'))).toEqual([
      ...['console.log', 'guest.json'],
    ]);
    expect((await migrascope('lab', 'status')).stdout).toContain(guest.qmp);
    expect((await migrascope('lab', 'down')).stdout).toBe('lab is ended.\n');
    expect((await migrascope('lab', 'status')).stdout).toBe('No guest runs.\n');
  });

  it('ports that somebody has are told of, and nothing is left', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const { port } = other.address() as { port: number };
      const first = String(Math.max(1, port - 1));
      const refused = await migrascope('lab', 'up', '--simulated', ...DISK, '--tcp', first);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(
        `can't listen at tcp:127.0.0.1:${port}: Address already in use`,
      );
      expect(await readdir(join(folder, 'migrascope-lab'))).toEqual([]);
    } finally {
      other.close();
    }
  });
});
