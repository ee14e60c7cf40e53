/**
 * How fast the NBD client copies an export to another, beside `nbdcopy` between the same two
 * `qemu-nbd`, whose images lie in memory. Runs alternate, so that a busy machine hurts both alike;
 * the figure is the median of the ratios. Prints; judges nothing.
 */
import { spawn, execFile, type ChildProcess } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Extent } from '../src/base/extent.js';
import { connectNbd, formatNbdUri, SlabPool, type NbdConnection } from '../src/nbd/index.js';

/** How the copy is cut and how much of it is under way at once. */
export interface CopyShape {
  /** Requests in flight on each pair of connections, each first read and then written. */
  readonly depth: number;
  /** Bytes of a request. */
  readonly requestSize: number;
  /** Ask for data without searching for holes. */
  readonly dontFragment: boolean;
}

/** Copies extents from `source` to `destination`, without copying a byte in this process. */
export async function copyExtents(
  source: NbdConnection,
  destination: NbdConnection,
  extents: Iterable<Extent>,
  shape: CopyShape,
): Promise<void> {
  const requests = cut(extents, shape.requestSize);
  const lane = async (): Promise<void> => {
    for (const { offset, length } of { [Symbol.iterator]: () => requests }) {
      await copyOne(source, destination, offset, length, shape);
    }
  };
  await Promise.all(Array.from({ length: shape.depth }, lane));
}

async function copyOne(
  source: NbdConnection,
  destination: NbdConnection,
  offset: number,
  length: number,
  { dontFragment }: CopyShape,
): Promise<void> {
  const payload = await source.read(offset, length, { dontFragment });
  try {
    let at = offset;
    let run: Uint8Array[] = [];
    let runStart = offset;
    for (const piece of payload.pieces) {
      if (!piece.hole) {
        run.push(piece.data);
        at += piece.data.length;
        continue;
      }
      if (run.length > 0) await destination.write(runStart, run);
      await destination.writeZeroes(at, piece.length, { mayTrim: true });
      at += piece.length;
      run = [];
      runStart = at;
    }
    if (run.length > 0) await destination.write(runStart, run);
  } finally {
    payload.release();
  }
}

function* cut(extents: Iterable<Extent>, size: number): Generator<Extent, undefined> {
  for (const { offset, length } of extents) {
    for (let at = offset; at < offset + length; at += size) {
      yield { offset: at, length: Math.min(size, offset + length - at) };
    }
  }
}

/** What to measure. */
export interface StreamBenchOptions {
  /** Bytes to copy (1 GiB). */
  readonly size?: number;
  /** Pairs of runs for each shape (5). */
  readonly runs?: number;
  readonly connections?: number;
  readonly structuredReplies?: boolean;
  readonly slabLength?: number;
  readonly shapes?: readonly CopyShape[];
  readonly print?: (line: string) => void;
}

interface Run {
  /** Bytes a second. */
  readonly rate: number;
  /** Seconds of this process, user and system. */
  readonly cpu: number;
}

interface Bench {
  readonly size: number;
  readonly source: string;
  readonly destination: string;
  readonly connections: number;
  readonly structuredReplies: boolean;
  readonly slabLength: number | undefined;
}

const DEFAULT_SHAPE: CopyShape = { depth: 8, requestSize: 512 * 1024, dontFragment: true };

/** Runs the comparison and prints a line for each shape. */
export async function benchNbdStream(options: StreamBenchOptions = {}): Promise<void> {
  const { size = 2 ** 30, runs = 5, shapes = [DEFAULT_SHAPE] } = options;
  const print = options.print ?? ((line: string) => process.stdout.write(`${line}\n`));
  const folder = await mkdtemp(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'nbd-'));
  const servers: ChildProcess[] = [];
  try {
    const images = ['source', 'destination'].map((name) => path.join(folder, name));
    await fill(images[0]!, size, true);
    await fill(images[1]!, size, true);
    const [source, destination] = await Promise.all(
      images.map(async (image) => {
        const socket = `${image}.socket`;
        servers.push(await serve(image, socket));
        return formatNbdUri({ type: 'unix', path: socket, exportName: '' });
      }),
    );
    const bench: Bench = {
      size,
      source: source!,
      destination: destination!,
      connections: options.connections ?? 1,
      structuredReplies: options.structuredReplies ?? true,
      slabLength: options.slabLength,
    };
    for (const shape of shapes) await compare(bench, shape, runs, print);
  } finally {
    await Promise.all(servers.map(end));
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(
  bench: Bench,
  shape: CopyShape,
  runs: number,
  print: (line: string) => void,
): Promise<void> {
  const ours: Run[] = [];
  const theirs: Run[] = [];
  await runOurs(bench, shape);
  for (let run = 0; run < runs; run++) {
    theirs.push(await runNbdcopy(bench));
    ours.push(await runOurs(bench, shape));
  }
  const ratio = median(ours.map(({ rate }, index) => rate / theirs[index]!.rate));
  const show = (of: Run[]): string =>
    `${(median(of.map(({ rate }) => rate)) / 1e6).toFixed(0)} MB/s, ${median(of.map(({ cpu }) => cpu)).toFixed(2)} s CPU`;
  const { depth, requestSize, dontFragment } = shape;
  print(
    `stream: ${depth} × ${requestSize / 1024} KiB${dontFragment ? ', unfragmented' : ''}: ` +
      `${ratio.toFixed(2)} × nbdcopy (ours ${show(ours)}; nbdcopy ${show(theirs)})`,
  );
}

async function runOurs(bench: Bench, shape: CopyShape): Promise<Run> {
  const { size, connections, structuredReplies, slabLength } = bench;
  const pool = new SlabPool(slabLength);
  const all: NbdConnection[] = [];
  const connect = async (uri: string): Promise<NbdConnection> => {
    const connection = await connectNbd(uri, { structuredReplies, pool });
    all.push(connection);
    return connection;
  };
  try {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const share = Math.ceil(size / connections);
    const part = async (index: number): Promise<void> => {
      const [from, to] = await Promise.all([connect(bench.source), connect(bench.destination)]);
      const offset = index * share;
      const extents = [{ offset, length: Math.min(share, size - offset) }];
      await copyExtents(from, to, extents, shape);
    };
    await Promise.all(Array.from({ length: connections }, (_, index) => part(index)));
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { rate: size / seconds, cpu: (user + system) / 1e6 };
  } finally {
    await Promise.all(all.map((connection) => connection.close()));
  }
}

async function runNbdcopy({ size, source, destination }: Bench): Promise<Run> {
  const script = 'TIMEFORMAT="%R %U %S"; time nbdcopy -- "$1" "$2"';
  const { stderr } = await promisify(execFile)('bash', ['-c', script, 'bash', source, destination]);
  const [real, user, system] = stderr.trim().split(' ').map(Number);
  return { rate: size / real!, cpu: user! + system! };
}

async function fill(file: string, size: number, random: boolean): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    const block = Buffer.alloc(2 ** 24);
    if (random) randomFillSync(block);
    for (let at = 0; at < size; at += block.length) {
      block.writeDoubleBE(at, 0);
      await handle.write(block, 0, Math.min(block.length, size - at), at);
    }
  } finally {
    await handle.close();
  }
}

async function serve(image: string, socket: string): Promise<ChildProcess> {
  const pidFile = `${socket}.pid`;
  const args = ['-t', '-e', '8', '-f', 'raw', '-k', socket, '--pid-file', pidFile, image];
  const server = spawn('qemu-nbd', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let tries = 0; tries < 100; tries++) {
    if (
      await stat(pidFile).then(
        () => true,
        () => false,
      )
    )
      return server;
    await delay(50);
  }
  await end(server);
  throw new Error(`qemu-nbd did not listen on ${socket}.`);
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await ended;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

if (process.argv[1] === import.meta.filename) await benchNbdStream();
