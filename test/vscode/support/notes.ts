/** Notes of a small migration, as the service would tell them: a disk of 1,024 blocks of 64 KiB. */
import {
  ALLOCATED,
  CACHE_SHIFT,
  PENDING,
  PLANNED,
  REASON_SHIFT,
} from '../../../src/heatmap/index.js';
import type {
  CellsNote,
  HeaderNote,
  MomentNote,
  SeriesNote,
  SummaryFigures,
  TimelineNote,
} from '../../../src/service/types.js';

const BLOCK = 65_536;
const MIB = 1024 ** 2;

export const header: HeaderNote = {
  type: 'header',
  kind: 'run',
  title: 'ab1a4098',
  host: 'simulated',
  disk: { name: 'disk0', size: 1024 * BLOCK, image: '/images/disk0.raw' },
  granularity: BLOCK,
  blocks: 1024,
  blocksPerCell: 1,
  cells: 1024,
  run: {
    id: 'ab1a4098',
    policy: 'cache-aware',
    destination: 'file:/images/moved.img',
    startedAt: '2026-11-20T10:00:00Z',
    pivot: true,
    verify: 'sent',
    program: ['connect', 'repeat   a round', '    repeat   a batch', '        send batch'],
  },
};

export const cells: CellsNote = {
  type: 'cells',
  seq: 10,
  runs: Uint32Array.from([
    ...[0, 200, ALLOCATED | 1],
    ...[200, 100, ALLOCATED | PENDING],
    ...[300, 50, ALLOCATED | PENDING | (2 << REASON_SHIFT) | (3 << CACHE_SHIFT)],
    ...[350, 20, ALLOCATED | PENDING | PLANNED | (3 << 8)],
  ]),
  dense: [{ first: 400, words: Uint32Array.from([ALLOCATED | 2, ALLOCATED | 3]) }],
};

/** Live, held at statement 3 of round 1. */
export const moment: MomentNote = {
  type: 'moment',
  seq: 10,
  t: 8000,
  live: true,
  line: 3,
  round: 1,
  batch: 2,
  heldSince: 7000,
  pausedByOther: false,
  pendingBytes: 170 * BLOCK,
  deferredBytes: 50 * BLOCK,
  sentBytes: 202 * BLOCK,
  resentBytes: 2 * BLOCK,
  batchPlannedBytes: 20 * BLOCK,
  batchSentBytes: 0,
  dirtyRate: 3 * MIB,
  bandwidth: 30 * MIB,
  limits: { maxBandwidth: 30 * MIB, downtimeLimitMs: 300, maxRounds: 12 },
  legend: {
    migration: [652, 200, 2, 100, 20, 50, 0].map((count) => count * BLOCK),
    cache: [974, 0, 0, 50].map((count) => count * BLOCK),
    disk: [652, 372, 0].map((count) => count * BLOCK),
    frequency: [1004, 0, 20, 0, 0, 0].map((count) => count * BLOCK),
  },
  reasons: [
    {
      reason: 'dirty',
      text: { template: 'dirty in the guest’s page cache', args: [] },
      bytes: 50 * BLOCK,
    },
  ],
  rounds: [
    {
      round: 1,
      final: false,
      running: true,
      sentBytes: 202 * BLOCK,
      resentBytes: 2 * BLOCK,
      deferredBytes: 50 * BLOCK,
      pendingBytes: 170 * BLOCK,
      dirtyRate: 3 * MIB,
      bandwidth: 30 * MIB,
      durationMs: 6000,
    },
  ],
  switchedOver: false,
  notes: [{ message: 'The probe is connected.', hint: 'It reads /proc/kcore.' }],
};

const summary: SummaryFigures = {
  outcome: 'completed',
  sentBytes: 500 * BLOCK,
  resentBytes: 100 * BLOCK,
  distinctBytes: 400 * BLOCK,
  zeroBytes: 0,
  deferredBytes: 0,
  sendAmplification: 1.25,
  rounds: 3,
  totalMs: 20_000,
  downtimeMs: 60,
  heldMs: 3000,
  converged: true,
  verified: true,
  verifiedBytes: 400 * BLOCK,
  switchedOver: true,
  guest: 'running',
  plainBytes: 700 * BLOCK,
  plainIsLowerBound: true,
  why: [{ template: 'Round {0} sent the most.', args: [1] }],
};

/** The run asks what to do, because it does not converge. */
export const asking: MomentNote = {
  ...moment,
  verdict: {
    converged: false,
    message: 'After 12 rounds as much is dirtied as is sent.',
    pendingBytes: 170 * BLOCK,
    downtimeMs: 900,
    asks: true,
  },
};

/** Gone back to, from the end. */
export const past: MomentNote = { ...moment, t: 4000, live: false };

/** The end of the run. */
export const ended: MomentNote = { ...moment, t: 20_000, line: 4, summary };

export const timeline: TimelineNote = {
  type: 'timeline',
  events: 40,
  t: 20_000,
  alive: true,
  marks: {
    from: 0,
    added: [
      { seq: 2, t: 2000, kind: 'round', round: 1 },
      { seq: 9, t: 7000, kind: 'held' },
      { seq: 30, t: 15_000, kind: 'paused' },
    ],
  },
};

const points = Array.from({ length: 20 }, (_, index) => index);
const column = (factor: number): Float64Array =>
  Float64Array.from(points, (index) => index * factor);

export const series: SeriesNote = {
  type: 'series',
  from: 0,
  columns: {
    t: column(400),
    pending: column(MIB),
    deferred: column(MIB / 3),
    dirtyRate: column(MIB / 5),
    bandwidth: column(2 * MIB),
    sent: column(MIB),
    resent: column(MIB / 9),
    cacheDirty: column(MIB / 2),
    remaining: column(500),
    downtime: column(20),
  },
};

/** What the service answers; a method that is not here has an empty answer. */
export const answers: Readonly<Record<string, unknown>> = {
  'view.seek': { seq: 5, t: 4000 },
  'view.regions': [],
  'view.csv': 'round,sent\r\n',
  'view.file': { id: '1:42', path: '/var/lib/db', cells: [300, 50] },
  'view.files': [
    {
      id: '1:42',
      path: '/var/lib/db',
      fileSystem: 'vda1',
      inode: 42,
      cachedBytes: 50 * BLOCK,
      dirtyBytes: 50 * BLOCK,
      sentBytes: 20 * BLOCK,
      resentBytes: 2 * BLOCK,
    },
  ],
  'view.block': {
    block: 300,
    offset: 300 * BLOCK,
    length: BLOCK,
    word: ALLOCATED | PENDING,
    file: { path: '/var/lib/db', inode: 42, fileSystem: 'vda1', fileOffset: 0 },
    why: [{ template: 'It is dirty in the guest’s page cache.', args: [] }],
    history: points.map((index) => ({ seq: index, t: index * 100, round: 1, what: 'dirty' })),
    more: false,
  },
};
