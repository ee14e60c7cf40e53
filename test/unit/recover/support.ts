/** What tests of recovering share: a dead run's journal, and the world it is recovered in. */
import { writeFile } from 'node:fs/promises';
import { HypervisorError, JournalError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import { BlockSet } from '../../../src/engine/blockset/index.js';
import type { Replayed, ReplayedEvents } from '../../../src/engine/continuation/index.js';
import type { StartEvent } from '../../../src/engine/events.js';
import type { RecoverParts } from '../../../src/engine/recover/index.js';
import {
  appendToJournal,
  createRunFolder,
  formatRecord,
  parseJournal,
  readJournal,
  type JournalEntry,
  type JournalRecord,
  type RunFolder,
} from '../../../src/engine/runs/index.js';
import type { Machine } from '../../../src/hypervisor/index.js';
import type { MemoryLab } from '../support/memory-lab.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';
import { facts, testFolder } from '../runs/support.js';

const times = { clock: new SimulatedClock(), today: () => new Date(0), afterTorn: false };

export const IMAGE = '/srv/new.img';

const pivoted: Extract<JournalEntry, { type: 'begin' }> = {
  type: 'begin',
  ...facts,
  host: 'lab',
  options: {
    ...facts.options,
    pivot: true,
    destination: { type: 'file', path: IMAGE, format: 'raw', overwrite: false },
  },
};
const copied: JournalEntry = { ...pivoted, options: { ...pivoted.options, pivot: false } };

const source: JournalEntry = {
  type: 'source',
  hypervisor: 'memory:lab',
  disk: 'disk0',
  image: '/srv/old.img',
  format: 'raw',
  size: 1024,
};
const createImage: JournalEntry = {
  type: 'change',
  host: 'memory:lab',
  run: 'r1',
  action: 'blockdev-create',
  arguments: { 'job-id': 'j', options: { driver: 'file', filename: IMAGE, size: 1024 } },
};
const paused: readonly JournalEntry[] = [
  { type: 'pausing', before: { running: true, status: 'running' } },
  { type: 'paused' },
];
const switching: JournalEntry = {
  type: 'switching',
  scope: 'disk',
  from: 'disk0',
  to: 'disk0-moved',
};
const switched: JournalEntry = { type: 'switched', scope: 'disk', disk: 'disk0-moved' };

/** Journals of runs that died there. */
export const DIED = {
  'not-begun': [pivoted],
  'before-tracking': [pivoted, source, createImage],
  'in-rounds': [pivoted, source, createImage, { type: 'tracking' }],
  paused: [pivoted, source, createImage, { type: 'tracking' }, ...paused],
  copying: [copied, source, createImage, { type: 'tracking' }, ...paused],
  switching: [pivoted, source, createImage, { type: 'tracking' }, ...paused, switching],
  switched: [pivoted, source, createImage, { type: 'tracking' }, ...paused, switching, switched],
} as const satisfies Record<string, readonly JournalEntry[]>;

/** How far a run was by its events: it had come to its rounds, and made so many flips. */
export function replayedTo(flip: number): Replayed {
  return {
    start: {} as StartEvent,
    geometry: { granularity: 512, size: 1024 },
    limits: { maxBandwidth: null, downtimeLimitMs: 300, maxRounds: 30 },
    t: 1000,
    round: 0,
    flip,
    pending: BlockSet.empty,
    sent: BlockSet.empty,
    everDeferred: BlockSet.empty,
    sums: { sentBytes: 0, resentBytes: 0, zeroBytes: 0 },
  };
}

/** Entries as they are read back. */
export function recordsOf(entries: readonly JournalEntry[]): readonly JournalRecord[] {
  return parseJournal(entries.map((entry) => formatRecord(entry, times)).join(''), 'a journal');
}

/** A machine on which nothing was left, but the image. */
export class FakeMachine implements Machine {
  image: Awaited<ReturnType<Machine['lookAtImage']>> = { state: 'made', bytes: 4096 };
  inUse: string | undefined;

  leftovers() {
    return Promise.resolve([]);
  }

  removeLeftovers() {
    return Promise.resolve([]);
  }

  lookAtImage() {
    return Promise.resolve(this.image);
  }

  deleteImage() {
    if (this.inUse) return Promise.reject(new HypervisorError(`It is kept: ${this.inUse}.`));
    this.image = { state: 'gone' };
    return Promise.resolve();
  }
}

/** A run that is dead, with its journal on the disk, and a lab as its host. */
export class DeadRun implements RecoverParts {
  readonly clock;
  readonly logger = silentLogger;
  readonly machine = new FakeMachine();
  /** Instead of the lab. */
  unreachable: { readonly state: 'gone' | 'unreachable'; readonly reason: string } | undefined;
  /** Is called before each record is added. */
  onAppend: (entry: JournalEntry) => void = () => undefined;

  private constructor(
    readonly lab: MemoryLab,
    readonly folder: RunFolder,
  ) {
    this.clock = lab.clock;
  }

  static async create(lab: MemoryLab, entries: readonly JournalEntry[]): Promise<DeadRun> {
    const folder = await createRunFolder(await testFolder(), 'r1');
    const lines = entries.map((entry) => formatRecord(entry, times)).join('');
    await writeFile(folder.journal, lines);
    return new DeadRun(lab, folder);
  }

  readonly today = () => new Date(0);

  readonly reach: RecoverParts['reach'] = async () => {
    if (this.unreachable) return this.unreachable;
    await this.lab.faults.pass('hypervisor.connect');
    this.lab.hypervisorOpen = true;
    return { state: 'reached', hypervisor: this.lab };
  };

  readonly isLocal = () => Promise.resolve(true);

  readonly status: RecoverParts['status'] = async () => {
    const ended = (await this.records()).some(({ type }) => type === 'end');
    return { run: 'r1', state: ended ? 'ended' : 'dead', reason: 'Its process is gone.' };
  };

  readonly readJournal = () => readJournal(this.folder.journal);

  /** How far it was by its events; they are not there unless told. */
  events: ReplayedEvents | undefined;

  readonly readEvents: RecoverParts['readEvents'] = () =>
    this.events
      ? Promise.resolve(this.events)
      : Promise.reject(new JournalError('The events can’t be read: there are none.'));

  readonly appendJournal: RecoverParts['appendJournal'] = async (_, entry) => {
    this.onAppend(entry);
    await appendToJournal(this.folder.journal, entry, this);
  };

  records() {
    return readJournal(this.folder.journal);
  }

  async typesSince(count: number): Promise<readonly string[]> {
    return (await this.records()).slice(count).map(({ type }) => type);
  }
}
