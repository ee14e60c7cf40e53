/**
 * A report on the guest's page cache as lines, made one after the other as the host takes them: a
 * header, files, extents (protocol/PROBE.md, "Snapshot"). The look behind them is of one moment.
 */
import { crc32 } from 'node:zlib';
import type { CacheClass, CachedRun, CacheState, Guest } from '../guest/types.js';
import { ExtentLines } from './extent-lines.js';
import type { ProbeFaults } from './faults.js';
import { LINE_LIMIT, lineOf } from './lines.js';
import type { RequestId } from './requests.js';

const EXTENT_LIMIT = 262_144;
const FILE_LIMIT = 65_536;
const PATH_LIMIT = 4_096;
/** The longest path that is told, as JSON, in bytes. */
const PATH_BYTES = 24_576;

/** The guest's file system, and the device that it is on. */
const DEVICE = '254:0';
const FILE_SYSTEM = 'ext4';
const GENERATION = 1;

const codeOf = (letter: string) => letter.charCodeAt(0);
const states: Readonly<Record<CacheState, number>> = {
  clean: codeOf('C'),
  dirty: codeOf('D'),
  writeback: codeOf('W'),
};
const classes: Readonly<Record<CacheClass, number>> = {
  data: codeOf('d'),
  metadata: codeOf('m'),
  journal: codeOf('j'),
};

export interface ReportRequest {
  readonly id: RequestId;
  readonly sequence: number;
  readonly clean: boolean;
  readonly paths: boolean;
  /** Whether it is the guest's own disk; nothing of another one is cached. */
  readonly isGuests: boolean;
  /** What the header says beside the numbers. */
  readonly header: object;
}

interface Gathered {
  readonly runs: readonly CachedRun[];
  /** How many of them are reported. */
  readonly count: number;
  /** Index of each file, by its inode number. */
  readonly files: ReadonlyMap<number, number>;
  /** The files as JSON, by their indexes. */
  readonly fileItems: readonly string[];
  readonly delayedBytes: number;
  readonly truncated?: string;
}

/**
 * Looks at the page cache, as of the guest's last advance.
 * @returns the lines of the report and, in the end, what its last line says.
 */
export function reportLines(
  guest: Guest,
  faults: ProbeFaults,
  request: ReportRequest,
): Generator<Buffer, object> {
  const gathered = request.isGuests ? gather(guest, faults, request) : nothing;
  const atMs = Math.floor(guest.monotonicMs);
  return linesOf(guest, faults, request, gathered, atMs);
}

function* linesOf(
  guest: Guest,
  faults: ProbeFaults,
  request: ReportRequest,
  gathered: Gathered,
  atMs: number,
): Generator<Buffer, object> {
  const { id, sequence } = request;
  let checksum = 0;
  const sum = (line: Buffer) => {
    checksum = crc32(line, checksum);
    return line;
  };
  yield sum(lineOf({ id, report: headerOf(guest, request, gathered, atMs) }));
  for (const line of fileLines(id, gathered.fileItems)) yield sum(line);
  for (const line of extentLines(id, gathered)) yield sum(line);
  return {
    sequence,
    files: gathered.files.size,
    extents: gathered.count,
    crc32: faults.wrongChecksum ? (checksum ^ 1) >>> 0 : checksum,
    cpuMs: 0,
  };
}

const nothing: Gathered = {
  runs: [],
  count: 0,
  files: new Map(),
  fileItems: [],
  delayedBytes: 0,
};

/** Takes a look, and as much of it as the bounds let through. */
function gather(guest: Guest, faults: ProbeFaults, { clean, paths }: ReportRequest): Gathered {
  const { runs: all, delayedBytes } = guest.look({ clean });
  guest.closeLookedAt?.({ clean });
  const runs = faults.forgetsClean ? all.filter(({ state }) => state !== 'clean') : all;
  const most = Math.min(EXTENT_LIMIT, faults.mostExtents ?? Infinity);
  const files = new Map<number, number>();
  let truncated =
    runs.length > most ? 'The page cache holds more extents than the probe reports.' : undefined;
  let last: number | undefined;
  let count = 0;
  for (; count < runs.length && count < most; count++) {
    const { inode } = runs[count]!;
    if (inode === undefined || inode === last || files.has(inode)) continue;
    if (files.size === FILE_LIMIT) {
      truncated = 'The page cache holds more files than the probe reports.';
      break;
    }
    files.set(inode, files.size);
    last = inode;
  }
  const fileItems = itemsOf(guest, files.keys(), paths);
  const whole = { runs, count, files, fileItems, delayedBytes };
  return truncated === undefined ? whole : { ...whole, truncated };
}

function headerOf(
  guest: Guest,
  { sequence, clean, header, isGuests }: ReportRequest,
  { delayedBytes, truncated }: Gathered,
  atMs: number,
): object {
  const { journal } = guest;
  return {
    sequence,
    ...header,
    clean,
    startMs: atMs,
    endMs: atMs,
    restarts: 0,
    givenUp: 0,
    unmappedBytes: delayedBytes > 0 ? { 'delayed-allocation': delayedBytes } : {},
    journals: isGuests && journal.length > 0 ? [[journal.offset, journal.length]] : [],
    ...(truncated === undefined ? {} : { truncated }),
  };
}

/** `[device, inode, generation, links, fileSystem, path]` of each file. */
function itemsOf(guest: Guest, inodes: Iterable<number>, paths: boolean): string[] {
  let told = 0;
  return Array.from(inodes, (inode) => {
    const path = guest.file(inode)?.path;
    const item: unknown[] = [DEVICE, inode, GENERATION, path === undefined ? 0 : 1, FILE_SYSTEM];
    if (paths && path !== undefined && told < PATH_LIMIT && isTold(path)) {
      item.push(path);
      told++;
    }
    return JSON.stringify(item);
  });
}

function isTold(path: string): boolean {
  return path.length <= PATH_BYTES && Buffer.byteLength(JSON.stringify(path)) <= PATH_BYTES;
}

/** Puts files into as few lines as they fit into. */
function* fileLines(id: RequestId, items: readonly string[]): Generator<Buffer> {
  const start = `{"id":${JSON.stringify(id)},"files":[`;
  const end = ']}\n';
  const room = LINE_LIMIT - Buffer.byteLength(start) - end.length;
  let told: string[] = [];
  let length = 0;
  for (const item of items) {
    const bytes = Buffer.byteLength(item) + 1;
    if (length + bytes > room) {
      yield Buffer.from(`${start}${told.join(',')}${end}`);
      told = [];
      length = 0;
    }
    length += bytes;
    told.push(item);
  }
  if (told.length > 0) yield Buffer.from(`${start}${told.join(',')}${end}`);
}

function* extentLines(id: RequestId, { runs, count, files }: Gathered): Generator<Buffer> {
  const lines = new ExtentLines(id);
  let last: number | undefined;
  let file = -1;
  for (let index = 0; index < count; index++) {
    const { offset, length, state, inode, fileOffset, ageMs, class: kind } = runs[index]!;
    if (inode !== last) file = inode === undefined ? -1 : files.get(inode)!;
    last = inode;
    const full = lines.add({
      offset,
      length,
      state: states[state],
      class: classes[kind],
      file,
      fileOffset: file < 0 ? -1 : (fileOffset ?? -1),
      ageMs: state === 'clean' || ageMs === undefined ? -1 : Math.floor(ageMs),
    });
    if (full) yield full;
  }
  const rest = lines.take();
  if (rest) yield rest;
}
