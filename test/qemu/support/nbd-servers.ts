/** NBD servers that are started for a test, each with a folder of its own, and ended by their handle. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { formatNbdUri } from '../../../src/nbd/index.js';

const OUTPUT_KEPT = 64 * 1024;
const START_PATIENCE = 30_000;

/** A program that runs until it is stopped. */
export class ServerProcess {
  #output = '';

  private constructor(
    readonly child: ChildProcess,
    private readonly what: string,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.#output = (this.#output + bytes.toString()).slice(-OUTPUT_KEPT);
      });
    }
  }

  static async start(
    command: string,
    args: readonly string[],
    ready: () => Promise<boolean>,
  ): Promise<ServerProcess> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const server = new ServerProcess(child, command);
    let failure: Error | undefined;
    child.once('error', (error) => {
      failure = error;
    });
    const end = Date.now() + START_PATIENCE;
    while (Date.now() < end) {
      if (failure) throw failure;
      if (!server.running) break;
      if (await ready()) return server;
      await delay(20);
    }
    await server.stop();
    throw new Error(`${command} did not start: ${server.output}`);
  }

  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Ends it with TERM, and with KILL when that does not help. */
  async stop(): Promise<void> {
    if (!this.running) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const patience = new AbortController();
    await Promise.race([ended, delay(10_000, undefined, { signal: patience.signal })]);
    patience.abort();
    this.child.kill('SIGKILL');
    await ended;
  }

  toString(): string {
    return `${this.what} (${this.child.pid ?? 0})`;
  }
}

/** A folder for sockets and images, and all that was started in it; ended and removed together. */
export class NbdLab {
  #stops: (() => Promise<void>)[] = [];
  #count = 0;

  private constructor(readonly folder: string) {}

  static async create(): Promise<NbdLab> {
    return new NbdLab(await mkdtemp(path.join(os.tmpdir(), 'nbd-test-')));
  }

  /** A path in the folder. */
  path(name: string): string {
    return path.join(this.folder, name);
  }

  /** Has `stop` called at the end, the latest first. */
  onEnd(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  async end(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async start(
    command: string,
    args: readonly string[],
    ready: () => Promise<boolean>,
  ): Promise<ServerProcess> {
    const server = await ServerProcess.start(command, args, ready);
    this.onEnd(() => server.stop());
    return server;
  }

  /** Starts `qemu-nbd` on an image. */
  async qemuNbd(image: string, args: readonly string[] = [], exportName = ''): Promise<NbdServer> {
    const socket = this.#socket();
    const pidFile = `${socket}.pid`;
    const named = ['--socket', socket, '--pid-file', pidFile, '--export-name', exportName];
    const process = await this.start('qemu-nbd', ['--persistent', ...named, ...args, image], () =>
      exists(pidFile),
    );
    return { process, socket, uri: formatNbdUri({ type: 'unix', path: socket, exportName }) };
  }

  /** Starts `nbdkit` with the given plugin, filters and parameters. */
  async nbdkit(args: readonly string[], exportName = ''): Promise<NbdServer> {
    const socket = this.#socket();
    const pidFile = `${socket}.pid`;
    const all = ['--foreground', '--unix', socket, '--pidfile', pidFile, ...args];
    const process = await this.start('nbdkit', all, () => exists(pidFile));
    return { process, socket, uri: formatNbdUri({ type: 'unix', path: socket, exportName }) };
  }

  /** Starts `nbdkit` on a TCP port of the loopback interface. */
  async nbdkitTcp(address: string, args: readonly string[]): Promise<NbdServer & { port: number }> {
    const pidFile = `${this.#socket()}.pid`;
    const port = await freePort(address);
    const where = ['--foreground', '--ipaddr', address, '--port', String(port)];
    const process = await this.start('nbdkit', [...where, '--pidfile', pidFile, ...args], () =>
      exists(pidFile),
    );
    const uri = formatNbdUri({ type: 'tcp', host: address, port, exportName: '' });
    return { process, socket: '', port, uri };
  }

  #socket(): string {
    return this.path(`${this.#count++}.socket`);
  }
}

export interface NbdServer {
  readonly process: ServerProcess;
  readonly socket: string;
  /** Of the export that was named when it was started. */
  readonly uri: string;
}

/** Runs a program to its end; returns what it printed. */
export async function run(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args);
  return stdout;
}

export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/** A TCP port that nobody listens on at this moment. */
export async function freePort(address: string): Promise<number> {
  const server = net.createServer();
  server.listen(0, address);
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  await once(server, 'close');
  if (bound === null || typeof bound === 'string') throw new Error('No port was bound.');
  return bound.port;
}
