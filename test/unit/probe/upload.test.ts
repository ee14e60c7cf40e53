import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { GuestAgent } from '../../../src/probe/guest-agent.js';
import { uploadProbe } from '../../../src/probe/upload.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';
import { connectedPair } from './support/pair.js';

interface Command {
  readonly execute: string;
  readonly arguments: Record<string, unknown>;
}

type Answer = (command: Command, agent: ScriptedAgent) => unknown;

const allowed = [
  'guest-file-open',
  'guest-file-write',
  'guest-file-close',
  'guest-exec',
  'guest-exec-status',
];

/** A guest agent in memory, with files and programs as far as an upload sees them. */
class ScriptedAgent {
  readonly host: Duplex;
  readonly files = new Map<string, Buffer>();
  readonly runs: string[][] = [];
  readonly #guest: Duplex;
  #rest = '';
  #exits = new Map<number, number>();

  constructor(
    private readonly override: Partial<Record<string, Answer>> = {},
    /** The code with which a program ends. */
    private readonly exitOf: (path: string) => number = () => 0,
  ) {
    [this.host, this.#guest] = connectedPair();
    this.#guest.on('error', () => undefined);
    this.#guest.on('data', (chunk: Buffer) => {
      const bytes = chunk.filter((byte) => byte !== 0xff);
      const lines = (this.#rest + Buffer.from(bytes).toString()).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) this.#take(JSON.parse(line) as Command);
    });
  }

  sendBytes(bytes: Buffer | string): void {
    this.#guest.write(bytes);
  }

  hangUp(): void {
    this.#guest.destroy();
  }

  #take(command: Command): void {
    const answer = this.override[command.execute];
    const value = answer ? answer(command, this) : this.#carryOut(command);
    if (value === undefined) return;
    const sentinel = command.execute === 'guest-sync-delimited' ? [0xff] : [];
    const error =
      value instanceof Error
        ? { error: { class: 'GenericError', desc: value.message } }
        : undefined;
    this.sendBytes(
      Buffer.concat([
        Buffer.from(sentinel),
        Buffer.from(`${JSON.stringify(error ?? { return: value })}\n`),
      ]),
    );
  }

  #carryOut({ execute, arguments: parameters }: Command): unknown {
    switch (execute) {
      case 'guest-sync-delimited':
        return parameters['id'];
      case 'guest-info':
        return { supported_commands: allowed.map((name) => ({ name, enabled: true })) };
      case 'guest-file-open':
        this.files.set(parameters['path'] as string, Buffer.alloc(0));
        return this.files.size;
      case 'guest-file-write': {
        const [path, before] = [...this.files.entries()].at(-1)!;
        const data = Buffer.from(parameters['buf-b64'] as string, 'base64');
        this.files.set(path, Buffer.concat([before, data]));
        return { count: data.length, eof: false };
      }
      case 'guest-exec':
        return { pid: this.#run(parameters) };
      case 'guest-exec-status':
        return {
          exited: true,
          exitcode: this.#exits.get(parameters['pid'] as number),
          'out-data': Buffer.from('x86_64\n').toString('base64'),
        };
      default:
        return {};
    }
  }

  #run(parameters: Record<string, unknown>): number {
    const path = parameters['path'] as string;
    const list = parameters['arg'] as string[];
    this.runs.push([path, ...list]);
    if (path === 'rm') this.files.delete(list.at(-1)!);
    this.#exits.set(this.runs.length, this.exitOf(path));
    return this.runs.length;
  }
}

const program = Buffer.alloc(100_000, 'probe');

function upload(agent: ScriptedAgent, found: Buffer | undefined = program, signal?: AbortSignal) {
  return uploadProbe(agent.host, {
    portName: 'org.migrascope.probe.0',
    program: (machine) => Promise.resolve(machine === 'x86_64' ? found : undefined),
    clock: new SimulatedClock(),
    ...(signal ? { signal } : {}),
  });
}

function rejection(kind: string, message: RegExp): unknown {
  return expect.objectContaining({ kind, message: expect.stringMatching(message) as unknown });
}

describe('uploading the probe', () => {
  it('writes it to a name of its own, and starts it so that it leaves nothing behind', async () => {
    const agent = new ScriptedAgent();
    await upload(agent);
    const [[path, data]] = [...agent.files] as [[string, Buffer]];
    expect(path).toMatch(/^\/run\/migrascope-probe-[0-9a-f]{16}$/);
    expect(data.equals(program)).toBe(true);
    expect(agent.runs).toEqual([
      ['uname', '-m'],
      ['chmod', '700', path],
      [path, '--daemon', '--exit-with-port', '--remove-self', '--port', 'org.migrascope.probe.0'],
    ]);
    expect(agent.host.destroyed).toBe(true);
  });

  it('passes over what the agent still had to say to somebody else', async () => {
    const agent = new ScriptedAgent();
    agent.sendBytes('{"return": {"pid": 7}}\n{"ret');
    agent.sendBytes(Buffer.from([0xff]));
    agent.sendBytes('{"return": 1}\n');
    await upload(agent);
    expect(agent.runs).toHaveLength(3);
  });

  it('tries another folder where programs may not run, and removes the first copy', async () => {
    const agent = new ScriptedAgent({}, (path) => (path.startsWith('/run/') ? 126 : 0));
    await upload(agent);
    expect([...agent.files.keys()]).toEqual([expect.stringMatching(/^\/tmp\/migrascope-probe-/)]);
  });

  it('gives up, and leaves nothing, where it can run nowhere', async () => {
    const agent = new ScriptedAgent({}, (path) => (path.includes('migrascope') ? 126 : 0));
    await expect(upload(agent)).rejects.toEqual(
      rejection(
        'probe',
        /^The probe could not be started in the guest\. \/run: it ended with code 126/,
      ),
    );
    expect(agent.files.size).toBe(0);
  });

  it('names a copy that could not be removed', async () => {
    const agent = new ScriptedAgent({
      'guest-exec': ({ arguments: { path } }) => (path === 'uname' ? { pid: 1 } : new Error('no')),
    });
    await expect(upload(agent)).rejects.toEqual(
      rejection('probe', /^\/run\/migrascope-probe-[0-9a-f]{16} is left in the guest/),
    );
  });

  it('says which commands the agent does not allow', async () => {
    const agent = new ScriptedAgent({
      'guest-info': () => ({
        supported_commands: allowed.map((name) => ({
          name,
          enabled: !name.startsWith('guest-exec'),
        })),
      }),
    });
    await expect(upload(agent)).rejects.toEqual(
      rejection('probe', /^The guest agent does not allow guest-exec, guest-exec-status/),
    );
  });

  it('says when there is no program for the guest', async () => {
    const agent = new ScriptedAgent();
    const uploading = uploadProbe(agent.host, {
      portName: 'port',
      program: () => Promise.resolve(undefined),
      clock: new SimulatedClock(),
    });
    await expect(uploading).rejects.toEqual(
      rejection('probe', /^There is no probe for a guest of the architecture 'x86_64'/),
    );
  });

  it('gives up when no agent answers', async () => {
    const agent = new ScriptedAgent({ 'guest-sync-delimited': () => undefined });
    await expect(upload(agent)).rejects.toEqual(
      rejection('timeout', /^The guest agent did not answer guest-sync-delimited/),
    );
    expect(agent.host.destroyed).toBe(true);
  });

  it('gives up when it is cancelled', async () => {
    const controller = new AbortController();
    const agent = new ScriptedAgent({ 'guest-info': () => controller.abort() });
    await expect(upload(agent, program, controller.signal)).rejects.toEqual(
      rejection('cancelled', /^Asking the guest agent for guest-info/),
    );
  });

  it('gives up when the connection is lost', async () => {
    const agent = new ScriptedAgent({ 'guest-file-write': (_, self) => self.hangUp() });
    await expect(upload(agent)).rejects.toEqual(
      rejection('connection-lost', /^The connection to the guest agent was lost/),
    );
  });

  it('gives up when the agent writes nothing', async () => {
    const agent = new ScriptedAgent({ 'guest-file-write': () => ({ count: 0 }) });
    await expect(upload(agent)).rejects.toEqual(
      rejection('probe', /The guest agent wrote nothing to \/run/),
    );
  });

  it('does not take it for written when the agent wrote more than there is', async () => {
    const agent = new ScriptedAgent({ 'guest-file-write': () => ({ count: 1_000_000 }) });
    await expect(upload(agent)).rejects.toEqual(
      rejection('probe', /The guest agent wrote 1000000 bytes to \/run\/\S+, of 49152/),
    );
  });

  it('gives up when the agent sends garbage', async () => {
    const agent = new ScriptedAgent({ 'guest-info': (_, self) => self.sendBytes('%$§\n') });
    await expect(upload(agent)).rejects.toEqual(
      rejection('protocol', /^The guest agent sent a line that is no JSON object/),
    );
  });

  it('gives up when the agent says what nobody asked', async () => {
    const agent = new ScriptedAgent();
    const client = await GuestAgent.open(agent.host, { clock: new SimulatedClock() });
    agent.sendBytes('{"return":{}}\n');
    await new Promise((resolve) => setImmediate(resolve));
    await expect(client.execute('guest-info')).rejects.toEqual(
      rejection('protocol', /^The guest agent answered without a question/),
    );
  });
});
