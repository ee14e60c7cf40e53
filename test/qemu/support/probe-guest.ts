/** A real guest with the probe in it, a shell in it to work with, and QEMU's monitor beside it. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { KernelVersion } from '../../../src/lab/index.js';
import { prepareKernel } from './probe-kernel.js';

const run = promisify(execFile);

/** As `npm run build:probe` leaves it; tests and benches run in the repository's root. */
export const probeProgram = path.resolve('dist/probe/x86_64/migrascope-probe');

export interface GuestImage {
  /** A raw image; its node is called `disk0`, `disk1`, … in the order given. */
  readonly file: string;
  readonly serial?: string;
}

export interface ProbeGuestOptions {
  readonly kernel: KernelVersion;
  readonly images: readonly GuestImage[];
  readonly memoryMiB?: number;
  /** Appended to the kernel's command line. */
  readonly append?: string;
}

/** A dirty run of QEMU's bitmap, in bytes. */
export interface DirtyRun {
  readonly offset: number;
  readonly length: number;
}

/** Reads a socket line by line; each line is waited for by one reader at a time. */
class LineSocket {
  private rest = '';
  private readonly lines: string[] = [];
  private wake: (() => void) | undefined;
  private ended = false;

  constructor(readonly socket: net.Socket) {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const pieces = (this.rest + text).split('\n');
      this.rest = pieces.pop()!;
      this.lines.push(...pieces.map((line) => line.replace(/\r$/, '')));
      this.wake?.();
    });
    socket.on('close', () => {
      this.ended = true;
      this.wake?.();
    });
    socket.on('error', () => undefined);
  }

  async next(): Promise<string> {
    while (this.lines.length === 0) {
      if (this.ended) throw new Error('The guest ended the connection.');
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.lines.shift()!;
  }
}

async function connect(file: string): Promise<net.Socket> {
  for (let attempt = 0; ; attempt++) {
    const socket = net.connect(file);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export class ProbeGuest {
  private constructor(
    private readonly folder: string,
    private readonly child: ChildProcess,
    private readonly shellLines: LineSocket,
    private readonly monitor: LineSocket,
  ) {}

  /** Boots a guest; it is ready when this resolves. */
  static async start(options: ProbeGuestOptions): Promise<ProbeGuest> {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'migrascope-guest-'));
    let child: ChildProcess | undefined;
    try {
      const { kernel, initrd } = await prepareKernel(options.kernel, probeProgram, folder);
      child = spawn('qemu-system-x86_64', qemuArguments(options, folder, kernel, initrd), {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      const monitor = new LineSocket(await connect(path.join(folder, 'qmp')));
      const shell = new LineSocket(await connect(path.join(folder, 'shell')));
      const guest = new ProbeGuest(folder, child, shell, monitor);
      await monitor.next();
      await guest.qmp('qmp_capabilities');
      while ((await shell.next()) !== 'READY') continue;
      return guest;
    } catch (error) {
      const console = consoleOf(folder).trim().split('\n').slice(-8).join('\n');
      child?.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
      throw new Error(`The guest did not boot. Its console says:\n${console}`, { cause: error });
    }
  }

  /** Where the host side of the probe's port listens. */
  get probeSocket(): string {
    return path.join(this.folder, 'probe');
  }

  /** What the guest's kernel and init printed. */
  get console(): string {
    return consoleOf(this.folder);
  }

  /** Runs a line of shell in the guest; rejects when it fails. */
  async shell(line: string): Promise<string> {
    this.shellLines.socket.write(`${line.replaceAll('\n', ' ')}\n`);
    const output: string[] = [];
    for (;;) {
      const text = await this.shellLines.next();
      const end = /^(.*)END (\d+)$/.exec(text);
      if (!end) {
        output.push(text);
        continue;
      }
      if (end[1] !== '') output.push(end[1]!);
      if (end[2] === '0') return output.join('\n');
      throw new Error(`In the guest, '${line}' failed (${end[2]!}): ${output.join('\n')}`);
    }
  }

  /** Starts the probe in the guest's background. */
  async startProbe(flags = ''): Promise<void> {
    await this.shell(`migrascope-probe --daemon ${flags}`);
  }

  async qmp(command: string, parameters: object = {}): Promise<unknown> {
    this.monitor.socket.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`);
    for (;;) {
      const answer = JSON.parse(await this.monitor.next()) as {
        return?: unknown;
        error?: { desc: string };
      };
      if (answer.error) throw new Error(`${command}: ${answer.error.desc}`);
      if ('return' in answer) return answer.return;
    }
  }

  /** Begins to note what is written to a disk, in blocks of 4 KiB. */
  async startTracking(node: string): Promise<void> {
    await this.qmp('block-dirty-bitmap-add', { node, name: 'test', granularity: 4096 });
  }

  /** What was written since `startTracking`; ends it. */
  async stopTracking(node: string): Promise<DirtyRun[]> {
    const socket = path.join(this.folder, 'nbd');
    await this.qmp('block-dirty-bitmap-disable', { node, name: 'test' });
    await this.qmp('nbd-server-start', { addr: { type: 'unix', data: { path: socket } } });
    try {
      await this.qmp('block-export-add', {
        type: 'nbd',
        id: 'test',
        'node-name': node,
        name: 'test',
        bitmaps: ['test'],
      });
      const { stdout } = await run(
        'nbdinfo',
        ['--json', '--map=qemu:dirty-bitmap:test', `nbd+unix:///test?socket=${socket}`],
        { maxBuffer: 64 << 20 },
      );
      const runs = JSON.parse(stdout) as { offset: number; length: number; type: number }[];
      return runs
        .filter((item) => item.type !== 0)
        .map(({ offset, length }) => ({ offset, length }));
    } finally {
      await this.qmp('nbd-server-stop');
      await this.qmp('block-dirty-bitmap-remove', { node, name: 'test' });
    }
  }

  async close(): Promise<void> {
    this.shellLines.socket.destroy();
    this.monitor.socket.destroy();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL');
      await once(this.child, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function consoleOf(folder: string): string {
  const file = path.join(folder, 'console');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function qemuArguments(
  options: ProbeGuestOptions,
  folder: string,
  kernel: string,
  initrd: string,
): string[] {
  const socket = (name: string) =>
    `socket,id=${name},path=${path.join(folder, name)},server=on,wait=off`;
  const disks = options.images.flatMap((image, index) => [
    '-blockdev',
    `driver=raw,node-name=disk${index},discard=unmap,file.driver=file,file.filename=${image.file}`,
    '-device',
    `virtio-blk-pci,drive=disk${index},id=device${index}` +
      (image.serial === undefined ? '' : `,serial=${image.serial}`),
  ]);
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-machine', 'q35', '-accel', 'tcg,thread=multi', '-cpu', 'max,-cx16,-la57'],
    ...['-smp', '1', '-m', `${options.memoryMiB ?? 256}`],
    ...['-kernel', kernel, '-initrd', initrd],
    ...['-append', `console=ttyS0 quiet panic=-1 ${options.append ?? ''}`],
    ...['-chardev', `file,id=console,path=${path.join(folder, 'console')}`],
    ...['-serial', 'chardev:console'],
    ...['-chardev', socket('qmp'), '-mon', 'chardev=qmp,mode=control'],
    ...['-device', 'virtio-serial-pci'],
    ...['-chardev', socket('shell')],
    ...['-device', 'virtserialport,chardev=shell,name=org.migrascope.shell.0'],
    ...['-chardev', socket('probe')],
    ...['-device', 'virtserialport,chardev=probe,name=org.migrascope.probe.0'],
    ...disks,
  ];
}

/** Makes a sparse image with a file system on it, in `folder`. */
export async function makeImage(
  folder: string,
  name: string,
  fileSystem: 'ext4' | 'xfs' | 'none',
  sizeMiB: number,
  flags: readonly string[] = [],
): Promise<string> {
  const file = path.join(folder, name);
  await run('truncate', ['-s', `${sizeMiB}M`, file]);
  if (fileSystem === 'ext4') await run('mkfs.ext4', ['-q', '-F', ...flags, file]);
  if (fileSystem === 'xfs') await run('mkfs.xfs', ['-q', '-f', ...flags, file]);
  return file;
}
