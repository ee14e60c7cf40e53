/**
 * Resident memory of the command while it moves a disk of 10 TiB, of which 1.25 GiB in 20,000 places
 * hold data: a real QEMU with a sparse image, an NBD server that keeps what it is sent in memory.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomFillSync } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endServer, startServer } from './support.js';

const SIZE = 10 * 1024 ** 4;
const PLACES = 20_000;
const PLACE_BYTES = 64 * 1024;

export async function benchMemory(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const at = (name: string) => join(folder, name);
  const servers: ChildProcess[] = [];
  try {
    await makeSparse(at('disk.img'));
    const disk = {
      driver: 'raw',
      'node-name': 'disk0',
      file: { driver: 'file', filename: at('disk.img') },
    };
    servers.push(
      await startServer(
        'qemu-system-x86_64',
        [
          ...['-S', '-display', 'none', '-nodefaults', '-accel', 'tcg', '-machine', 'q35'],
          ...['-blockdev', JSON.stringify(disk), '-device', 'virtio-blk-pci,drive=disk0'],
          ...['-qmp', `unix:${at('qmp')},server=on,wait=off`, '-pidfile', at('qemu.pid')],
        ],
        at('qemu.pid'),
      ),
      await startServer(
        'nbdkit',
        ['-f', '-U', at('nbd'), '-P', at('nbdkit.pid'), 'memory', String(SIZE)],
        at('nbdkit.pid'),
      ),
    );
    await measure(at('qmp'), `nbd+unix:///?socket=${at('nbd')}`);
  } finally {
    await Promise.all(servers.map(endServer));
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(qmp: string, destination: string): Promise<void> {
  const args = ['dist/cli.js', 'migrate', `unix:${qmp}`, 'disk0', '--to', destination, '--json'];
  const command = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(command, 'exit');
  let last = '';
  command.stdout.setEncoding('utf8').on('data', (text: string) => {
    last = (last + text).slice(-4096);
  });
  let peak = 0;
  while (command.exitCode === null && command.signalCode === null) {
    const status = await readFile(`/proc/${command.pid}/status`, 'latin1').catch(() => '');
    peak = Math.max(peak, Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1] ?? 0));
    await Promise.race([ended, delay(100)]);
  }
  const summary = JSON.parse(last.trim().split('\n').at(-1) ?? '{}') as {
    outcome?: string;
    totalMs?: number;
    sentBytes?: number;
  };
  console.log(
    `memory: ${(peak / 1024).toFixed(0)} MB resident at most, for a disk of 10 TiB with ${PLACES} extents; ` +
      `${summary.outcome ?? 'no outcome'}, ${((summary.sentBytes ?? 0) / 1024 ** 2).toFixed(0)} MiB in ${((summary.totalMs ?? 0) / 1000).toFixed(1)} s`,
  );
}

async function makeSparse(file: string): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    await handle.truncate(SIZE);
    const block = randomFillSync(Buffer.alloc(PLACE_BYTES));
    const step = Math.floor(SIZE / PLACES / PLACE_BYTES) * PLACE_BYTES;
    for (let place = 0; place < PLACES; place++)
      await handle.write(block, 0, block.length, place * step);
  } finally {
    await handle.close();
  }
}
