/** NBD servers and other processes for a test: started ready, ended by their handle. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createConnection } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that a test started. */
export interface Helper extends AsyncDisposable {
  readonly pid: number;
  /** Kills it, as if it had crashed; resolves once it is gone. */
  kill(): Promise<void>;
}

/** An NBD server that listens on a unix socket. */
export interface NbdServer extends Helper {
  readonly uri: string;
}

/** Starts `qemu-nbd` for an image, with `extra` options. */
export async function startQemuNbd(
  image: string,
  socket: string,
  ...extra: readonly string[]
): Promise<NbdServer> {
  const options = ['--persistent', '--shared=0', '--format=raw', `--socket=${socket}`];
  return startNbdServer('qemu-nbd', [...options, ...extra, image], socket);
}

/** Starts `nbdkit` with a plugin and its parameters, and filters among `args`. */
export async function startNbdkit(socket: string, ...args: readonly string[]): Promise<NbdServer> {
  const options = ['--foreground', '--exit-with-parent', '--unix', socket];
  return startNbdServer('nbdkit', [...options, ...args], socket);
}

async function startNbdServer(
  command: string,
  args: readonly string[],
  socket: string,
): Promise<NbdServer> {
  const helper = startHelper(command, args);
  await helper.until(() => listens(socket));
  return { ...helper, uri: `nbd+unix:///?socket=${socket}` };
}

/**
 * Mounts a small file system that only those reach who have the path: it is gone with the helper.
 * @param prepare what is done in it first, by a shell.
 * @returns the helper, and the folder.
 */
export async function startSmallFolder(
  bytes: number,
  prepare = 'true',
): Promise<Helper & { readonly folder: string }> {
  const namespaces = process.getuid?.() === 0 ? '-m' : '-Urm';
  const mount = `mount -t tmpfs -o size=${bytes} none /mnt`;
  const script = `${mount} && cd /mnt && ${prepare} && echo ready && exec cat`;
  const helper = startHelper('unshare', [namespaces, 'sh', '-c', script]);
  await helper.until(() => Promise.resolve(helper.output().includes('ready')));
  return { ...helper, folder: `/proc/${helper.pid}/root/mnt` };
}

function startHelper(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const kill = () => endChild(child);
  return {
    pid: child.pid ?? 0,
    kill,
    output: () => output,
    until: async (ready: () => Promise<boolean>) => {
      while (!(await ready())) {
        if (child.pid === undefined || child.exitCode !== null)
          throw new Error(`${command} ended before it was ready: ${output}`);
        await delay(20);
      }
    },
    [Symbol.asyncDispose]: kill,
  };
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.kill('SIGKILL');
  await ended;
}

function listens(path: string): Promise<boolean> {
  const socket = createConnection(path);
  return new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  }).finally(() => socket.destroy());
}
