/**
 * How fast the engine sends one export to another, beside `nbdcopy`, each between two `qemu-nbd` of its
 * own whose images lie in memory and are fully allocated: what one client asked changes how fast a
 * server is for the next one (docs/decisions/0005). `nbdcopy` is measured on our servers, too. Runs
 * alternate, so that a busy machine hurts all alike; the figures are medians of the ratios.
 */
import { execFile, type ChildProcess } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../src/base/clock.js';
import { BlockSet, blockCount } from '../src/engine/index.js';
import { Throttle } from '../src/engine/throttle.js';
import { Transfer } from '../src/engine/transfer.js';
import { connectNbd, formatNbdUri, SlabPool } from '../src/nbd/index.js';
import { endServer, median, startServer } from './support.js';

const SIZE = 1024 ** 3;
const RUNS = 7;

interface Pair {
  /** NBD URIs. */
  readonly from: string;
  readonly to: string;
}

interface Run {
  /** Bytes a second. */
  readonly rate: number;
  /** Seconds of the copying process, user and system. */
  readonly cpu: number;
}

export async function benchStream(): Promise<void> {
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bench-'));
  const servers: ChildProcess[] = [];
  try {
    const pairs: Pair[] = [];
    for (const owner of ['ours', 'nbdcopy']) {
      const serve = async (side: string) => {
        const image = join(folder, `${owner}-${side}`);
        await fill(image);
        const socket = `${image}.socket`;
        const pid = `${image}.pid`;
        const args = ['-t', '-e', '8', '-f', 'raw', '-k', socket, '--pid-file', pid, image];
        servers.push(await startServer('qemu-nbd', args, pid));
        return formatNbdUri({ type: 'unix', path: socket, exportName: '' });
      };
      pairs.push({ from: await serve('source'), to: await serve('destination') });
    }
    await compare(pairs[0]!, pairs[1]!);
  } finally {
    await Promise.all(servers.map(endServer));
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(own: Pair, fresh: Pair): Promise<void> {
  const ours: Run[] = [];
  const theirs: Run[] = [];
  const onOurServers: Run[] = [];
  await runOurs(own);
  for (let run = 0; run < RUNS; run++) {
    theirs.push(await runNbdcopy(fresh));
    ours.push(await runOurs(own));
    onOurServers.push(await runNbdcopy(own));
  }
  const show = (runs: readonly Run[]) =>
    `${(median(runs.map(({ rate }) => rate)) / 1e6).toFixed(0)} MB/s, ${median(runs.map(({ cpu }) => cpu)).toFixed(2)} s of CPU`;
  console.log(
    `stream: ${ratioOf(ours, theirs)}, each with servers of its own (${RUNS} pairs of 1 GiB)\n` +
      `        ${ratioOf(ours, onOurServers)} on the servers that we primed\n` +
      `  ours                    ${show(ours)}\n` +
      `  nbdcopy                 ${show(theirs)}\n` +
      `  nbdcopy on our servers  ${show(onOurServers)}`,
  );
}

function ratioOf(ours: readonly Run[], theirs: readonly Run[]): string {
  const ratios = ours.map(({ rate }, index) => rate / theirs[index]!.rate);
  const [least, middle, most] = [Math.min(...ratios), median(ratios), Math.max(...ratios)];
  return `${middle.toFixed(2)} × nbdcopy (from ${least.toFixed(2)} to ${most.toFixed(2)})`;
}

async function runOurs({ from, to }: Pair): Promise<Run> {
  const pool = new SlabPool();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const [source, destination] = [await connectNbd(from, { pool }), await connectNbd(to, { pool })];
  try {
    const geometry = { granularity: 64 * 1024, size: SIZE };
    const throttle = new Throttle(systemClock, undefined);
    const throttles = { send: throttle, readBack: throttle };
    const transfer = new Transfer(
      { source, destination, destinationName: to },
      geometry,
      throttles,
    );
    const { signal } = new AbortController();
    await transfer.prime(signal);
    await transfer.send(BlockSet.range(0, blockCount(geometry)), () => undefined, signal);
    await transfer.flush(signal);
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { rate: SIZE / seconds, cpu: (user + system) / 1e6 };
  } finally {
    await Promise.all([source.close(), destination.close()]);
  }
}

async function runNbdcopy({ from, to }: Pair): Promise<Run> {
  const script = 'TIMEFORMAT="%R %U %S"; time nbdcopy --flush -- "$1" "$2"';
  const { stderr } = await promisify(execFile)('bash', ['-c', script, 'bash', from, to]);
  const [real, user, system] = stderr.trim().split(' ').map(Number);
  return { rate: SIZE / real!, cpu: user! + system! };
}

async function fill(file: string): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    const block = randomFillSync(Buffer.alloc(2 ** 24));
    for (let at = 0; at < SIZE; at += block.length) {
      block.writeDoubleBE(at, 0);
      await handle.write(block, 0, block.length, at);
    }
  } finally {
    await handle.close();
  }
}
