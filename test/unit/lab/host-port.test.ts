/** The port by which a simulated host is steered, and the command that uses it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../../../src/base/errors.js';
import { labCommand } from '../../../src/cli/lab.js';
import { runCommandLine } from '../../../src/cli/program.js';
import { askHost } from '../../../src/lab/ask-host.js';
import { FAULT_NAMES, labDown, labStatus } from '../../../src/lab/index.js';
import { placesOf } from '../../../src/lab/folders.js';
import { LONGEST_LINE, serveHostPort, type HostPortParts } from '../../../src/lab/host-port.js';
import { systemSockets } from '../../../src/simulator/index.js';
import { FakeWorld } from '../cli/fake-world.js';

const PID = 2 ** 22 + 1;

function parts(more: Partial<HostPortParts> = {}): HostPortParts {
  return {
    ...{ name: 'lab', pid: PID },
    fault: (name, values) => Promise.resolve(`${name} ${JSON.stringify(values)}`),
    end: () => undefined,
    ...more,
  };
}

/** What the port answers to a text, before it ends. */
async function answered(sent: string, served = parts()): Promise<unknown> {
  const [here, there] = duplexPair();
  serveHostPort(there, served);
  here.write(sent);
  return JSON.parse(await text(here)) as unknown;
}

describe('the port', () => {
  it('answers a question, and ends', async () => {
    expect(await answered('{"ask": "who", "later": 1}\n')).toEqual({ name: 'lab', pid: PID });
    const asked = '{"ask": "fault", "fault": "slow-disk", "values": {"delayMs": 3}}\n';
    expect(await answered(asked)).toEqual({ said: 'slow-disk {"delayMs":3}' });
  });

  it('tells of its end before it ends', async () => {
    const end = vi.fn();
    expect(await answered('{"ask": "end"}\n', parts({ end }))).toEqual({});
    await vi.waitFor(() => expect(end).toHaveBeenCalledTimes(1));
  });

  it.each([
    'GET / HTTP/1.1\r\n\r\n',
    '\n',
    'null\n',
    '[]\n',
    '{"ask": "what"}\n',
    '{"ask": "fault", "fault": 1, "values": {}}\n',
    '{"ask": "fault", "fault": "none", "values": []}\n',
    'x'.repeat(LONGEST_LINE + 1),
  ])('refuses %j', async (sent) => {
    const { error } = (await answered(sent)) as { error: { kind: string } };
    expect(error.kind).toBe('usage');
  });

  it('tells how a fault was refused', async () => {
    const fault = () => Promise.reject(new UsageError('It can not be.', { hint: 'Ask another.' }));
    const asked = '{"ask": "fault", "fault": "x", "values": {}}\n';
    expect(await answered(asked, parts({ fault }))).toEqual({
      error: { kind: 'usage', message: 'It can not be.', hint: 'Ask another.' },
    });
  });
});

describe('asking', () => {
  async function server(answer: string): Promise<{ address: string; close: () => void }> {
    const made = createServer((socket) => socket.end(answer)).listen(0, '127.0.0.1');
    await once(made, 'listening');
    const { port } = made.address() as { port: number };
    return { address: `tcp:127.0.0.1:${port}`, close: () => void made.close() };
  }

  it.each([
    ['', /can't be asked: it ended the connection/],
    ['QMP\n', /is no simulated host: it answered QMP/],
    ['1\n', /is no simulated host: it answered 1/],
    ['x'.repeat(LONGEST_LINE + 1), /can't be asked: its answer has no end/],
  ])('somebody else fails: %j', async (answer, message) => {
    const other = await server(answer);
    try {
      await expect(askHost(other.address, { ask: 'who' })).rejects.toMatchObject({
        kind: 'lab',
        message: expect.stringMatching(message) as string,
      });
    } finally {
      other.close();
    }
  });

  it('nobody fails', async () => {
    const gone = await server('');
    gone.close();
    const asked = askHost(gone.address, { ask: 'who' });
    await expect(asked).rejects.toMatchObject({ kind: 'lab' });
  });
});

describe('migrascope lab fault', () => {
  let folder: string;
  const open: (() => Promise<void>)[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'migrascope-lab-'));
    vi.stubEnv('XDG_RUNTIME_DIR', join(folder, 'run'));
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  });

  afterEach(async () => {
    for (const close of open.splice(0)) await close();
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(...args: string[]) {
    const world = new FakeWorld();
    const commands = [() => labCommand(world)];
    const line = ['lab', 'fault', ...args];
    const code = await runCommandLine(line, { world, version: '1', commands });
    return { code, out: world.stdout.text, err: world.stderr.text };
  }

  /** A guest that is nothing but its port. */
  async function guest(accelerator: string, more: Partial<HostPortParts> = {}) {
    const at = { type: 'tcp', host: '127.0.0.1', port: 0 } as const;
    const listener = await systemSockets.listen(at, (stream) => serveHostPort(stream, parts(more)));
    open.push(() => listener.close());
    const { port } = listener.address as { port: number };
    const state = { name: 'lab', pid: PID, accelerator, hostPort: `tcp:127.0.0.1:${port}` };
    const places = placesOf('lab');
    mkdirSync(places.folder, { recursive: true });
    writeFileSync(places.state, JSON.stringify(state));
    return listener;
  }

  it('lists every fault with what it does', async () => {
    const { code, out, err } = await run('--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const name of FAULT_NAMES) expect(out).toMatch(new RegExp(`^ {2}${name} .*\\w`, 'm'));
  });

  it.each<[string[], string]>([
    [['slow-dsk', '--delay', '1ms'], 'There is no fault "slow-dsk". Did you mean "slow-disk"?'],
    [['x', 'lab'], 'There is no fault "x".\n  hint: There are destination-dies'],
    [[], "missing required argument 'fault'"],
    [['slow-disk'], "required option '--delay <time>' not specified"],
    [['slow-disk', '--delay', '20'], "--delay: '20' is not a duration."],
    [['read-error', '--at', 'x'], "--at: 'x' is not a size."],
    [['none', '../x'], "A lab guest can't be called ../x."],
    [['none'], 'The fault none needs a guest, and no lab guest lab runs.'],
  ])('refuses %j with exit code 2', async (args, start) => {
    const { code, out, err } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.slice('migrascope: '.length)).toContain(start);
  });

  it('is refused for a real guest, with what can be done', async () => {
    await guest('tcg');
    const { code, err } = await run('network-cut');
    expect(code).toBe(2);
    expect(err).toMatch(/^migrascope: The fault network-cut can't be had of lab: it is a real/);
    expect(err).toContain('hint: Start a simulated one beside it: migrascope lab up --simulated');
  });

  it('tells the guest what it was given, and the person what is so', async () => {
    await guest('simulated');
    expect(await run('read-error', '--at', '1MiB', '--length', '8k')).toEqual({
      code: 0,
      out: 'lab: read-error {"at":1048576,"length":8192}\nIt is put right by: migrascope lab fault none\n',
      err: '',
    });
    const all = await run('none', 'lab');
    expect(all).toEqual({ code: 0, out: 'lab: none {}\n', err: '' });
  });

  it('knows a guest on TCP by its port alone, and ends it by it', async () => {
    const listener = await guest('simulated', { end: () => void listener.close() });
    expect(await labStatus()).toHaveLength(1);
    expect(await labDown('lab')).toBe(true);
    expect(await labStatus()).toEqual([]);
  });

  it('takes no other guest for it', async () => {
    await guest('simulated', { name: 'other' });
    expect(await labStatus()).toEqual([]);
    await labDown('lab');
    await guest('simulated', { pid: PID + 1 });
    expect(await labStatus()).toEqual([]);
  });
});
