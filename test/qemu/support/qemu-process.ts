/** A real QEMU without a guest: it stands before its first instruction, and is written to by qemu-io. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemClock } from '../../../src/base/clock.js';
import type { Logger } from '../../../src/base/logger.js';
import { silentLogger } from '../../../src/base/logger.js';
import type { Host, QemuHypervisor, QmpClient } from '../../../src/hypervisor/index.js';
import { connectQemu, openQmp, resolveHost } from '../../../src/hypervisor/index.js';

export const run = promisify(execFile);
export const MiB = 1024 * 1024;

/** A fresh directory under the system's temporary one. */
export function makeTestDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'migrascope-test-'));
}

/** Makes a sparse raw image. */
export async function makeRaw(path: string, size: number): Promise<string> {
  const file = await open(path, 'w');
  await file.truncate(size);
  await file.close();
  return path;
}

export async function makeQcow2(path: string, size: number): Promise<string> {
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', path, String(size)]);
  return path;
}

export interface TestQemu {
  readonly directory: string;
  /** The monitor for what is tested. */
  readonly monitor: string;
  readonly host: Host;
  readonly process: ChildProcess;
  /** A second monitor, for the test itself. */
  readonly side: QmpClient;
  /** Runs a qemu-io command on a device, as the guest would access it. @throws when it fails. */
  io(device: string, command: string): Promise<void>;
  connect(options?: { logger?: Logger; signal?: AbortSignal }): Promise<QemuHypervisor>;
  /** Kills QEMU and removes the directory. */
  stop(): Promise<void>;
}

/** Starts QEMU with `args` after the common ones; paths in them should lie in `directory`. */
export async function startQemu(
  directory: string,
  args: readonly string[],
  command = 'qemu-system-x86_64',
): Promise<TestQemu> {
  const monitor = join(directory, 'qmp');
  const sidePath = join(directory, 'side');
  const common = ['-S', '-display', 'none', '-machine', 'q35', '-nodefaults', '-accel', 'tcg'];
  const child = spawn(
    command,
    [
      ...common,
      ...['-m', '64', '-qmp', `unix:${monitor},server=on,wait=off`],
      ...['-qmp', `unix:${sidePath},server=on,wait=off`],
      ...args,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], cwd: directory },
  );
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const socket = await connectOnceUp(sidePath, () => {
      if (child.exitCode !== null) throw new Error(`QEMU ended: ${errors}`);
    });
    const side = await openQmp(socket, { name: 'side', clock: systemClock, logger: silentLogger });
    const host = await resolveHost(`unix:${monitor}`);
    return {
      directory,
      monitor,
      host,
      process: child,
      side,
      io: (device, line) => qemuIo(side, device, line),
      connect: (options) =>
        connectQemu(host, { clock: systemClock, logger: silentLogger, ...options }),
      stop: async () => {
        side.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Connects as soon as somebody listens; `check` throws when nobody ever will. */
async function connectOnceUp(path: string, check: () => void): Promise<Socket> {
  for (;;) {
    const socket = createConnection(path);
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (connected) return socket;
    check();
    await delay(20);
  }
}

async function qemuIo(qmp: QmpClient, device: string, command: string): Promise<void> {
  const line = `qemu-io -d /machine/peripheral/${device}/virtio-backend "${command}"`;
  const said = await qmp.execute('human-monitor-command', { 'command-line': line });
  if (said !== '') throw new Error(`${line}: ${said}`);
}

/** Arguments for a raw image as the virtio disk `disk0`, device `vd0`. */
export function rawDisk(path: string, extra: Readonly<Record<string, unknown>> = {}): string[] {
  const node = { driver: 'raw', 'node-name': 'disk0', file: { driver: 'file', filename: path } };
  return [
    '-blockdev',
    JSON.stringify({ ...node, ...extra }),
    '-device',
    'virtio-blk-pci,drive=disk0,id=vd0,serial=SERIAL0',
  ];
}
