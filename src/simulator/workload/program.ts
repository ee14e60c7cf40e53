/** A writer as it runs: its turns, the operations of a turn, the steps of an operation. */
import { createRandom, type Random } from '../random.js';
import type { Writer } from './description.generated.js';
import type { FileSet, LiveFile, LiveFiles } from './files.js';
import { NoSpaceError } from './no-space.js';
import { createDraw, type Draw } from './place.js';
import { createSchedule, type Schedule, type Turn } from './schedule.js';
import { readyStep, type Progress, type ReadyStep } from './steps.js';
import type { RunningWorkload, SystemCalls } from './types.js';

/** The most pages of one call: 4 MiB. */
const CALL_PAGES = 1024;
/** What a processor does in a millisecond at most, so that time goes on whatever a rate is. */
const CALLS_A_MILLISECOND = 1000;
const PAGES_A_MILLISECOND = 4096;
/** A writer that is later than this goes on from now rather than catch up, as in the real lab. */
const LATE_MS = 1000;

export interface ProgramSurroundings {
  readonly calls: SystemCalls;
  readonly files: LiveFiles;
  readonly sets: ReadonlyMap<string, FileSet>;
  readonly seed: number;
  /** What its rates are multiplied by. */
  readonly factor: number;
}

/** Draws the file that an operation is about: one of `count`. */
function createPick(writer: Writer, random: Random, count: number): () => number {
  const draw: Draw | undefined = createDraw(writer.pick ?? 'anywhere', random);
  if (count === 1) return () => 0;
  if (draw) return () => draw(count, 1, count);
  let next = 0;
  return () => next++ % count;
}

export class Program implements RunningWorkload {
  nextMs: number;
  readonly #calls: SystemCalls;
  readonly #files: LiveFiles;
  readonly #random: Random;
  readonly #schedule: Schedule;
  readonly #steps: readonly ReadyStep[];
  readonly #turnsApart: boolean;
  readonly #pick: () => number;
  readonly #most: number;
  readonly #countsWritten: boolean;
  readonly #written = new Map<FileSet, number>();
  readonly #progress: Progress = { times: 0, kind: 'write', file: undefined, first: 0, count: 0 };

  /** The turn that it does, or that is next. */
  #turn: Turn | undefined;
  #inTurn = false;
  #unit: 'operations' | 'pages' = 'operations';
  /** What is left of the turn, and what of earlier turns was not done or was done too much. */
  #left = 0;
  #owed = 0;
  /** The present operation: its number, its file, its step, and how much of that is left. */
  #operation = 0;
  #picked = 0;
  #step = -1;
  #timesLeft = 0;
  /** How many operations are done as one, and how many pages they moved. */
  #width = 1;
  /** A step of the operation found the disk full. */
  #foundFull = false;
  #moved = 0;
  #movedInAll = 0;

  constructor(writer: Writer, { calls, files, sets, seed, factor }: ProgramSurroundings) {
    this.#calls = calls;
    this.#files = files;
    this.#random = createRandom(seed, `workload/${writer.name}`);
    this.#schedule = createSchedule(writer, factor);
    this.#turnsApart = writer.turnsApart ?? false;
    const context = {
      calls,
      random: this.#random,
      set: (name: string) => sets.get(name)!,
      picked: (set: FileSet) => this.#fileOf(set),
      written: (set: FileSet) => this.#written.get(set) ?? 0,
    };
    this.#steps = writer.do.map((step) => readyStep(step, context));
    this.#countsWritten = writer.do.some((step) => 'after' in step);
    this.#most = Math.max(...this.#steps.map(({ set }) => set.count));
    this.#pick = createPick(writer, this.#random, this.#most);
    this.#turn = this.#schedule.turnFrom(0);
    this.nextMs = this.#turn?.atMs ?? Infinity;
  }

  act(): void {
    const nowMs = this.nextMs;
    if (nowMs === Infinity) return;
    if (!this.#inTurn) this.#beginTurn();
    const movedBefore = this.#movedInAll;
    for (let calls = 0; this.#inTurn; calls++) {
      const isMuch =
        calls === CALLS_A_MILLISECOND || this.#movedInAll - movedBefore >= PAGES_A_MILLISECOND;
      const waitMs = isMuch ? 1 : this.#tryOn();
      if (waitMs > 0) {
        this.nextMs = nowMs + waitMs;
        return;
      }
    }
    this.#plan(nowMs);
  }

  /** Begins the turn that is due. */
  #beginTurn(): void {
    const { unit, share } = this.#turn!;
    const owed = share + (unit === this.#unit ? this.#owed : 0);
    this.#unit = unit;
    this.#left = this.#turnsApart ? Math.floor(owed) : owed;
    this.#owed = owed - this.#left;
    if (this.#turnsApart) this.#operation = 0;
    this.#inTurn = this.#left >= 1;
    if (this.#inTurn) this.#beginOperation();
  }

  /** When the next turn is. */
  #plan(nowMs: number): void {
    if (!this.#turnsApart) this.#owed += this.#left;
    this.#left = 0;
    let dueMs = this.#turn!.atMs + this.#schedule.turnMs;
    if (nowMs > dueMs + LATE_MS) dueMs = nowMs;
    this.#turn = this.#schedule.turnFrom(dueMs);
    this.nextMs = Math.max(this.#turn?.atMs ?? Infinity, nowMs);
  }

  /**
   * Goes on. Where the disk is full, the step is skipped: a later one may make room, and the next turn
   * may find it.
   */
  #tryOn(): number {
    try {
      return this.#goOn();
    } catch (error) {
      if (!(error instanceof NoSpaceError)) throw error;
      this.#progress.count = 0;
      this.#timesLeft = 0;
      this.#foundFull = true;
      return 0;
    }
  }

  /** The next call or so. */
  #goOn(): number {
    if (this.#progress.count > 0) return this.#move();
    if (this.#timesLeft > 0) {
      const step = this.#steps[this.#step]!;
      const waitMs = step.run(this.#fileOf(step.set), this.#timesLeft, this.#progress);
      this.#timesLeft -= this.#progress.times;
      this.#moved += this.#progress.count;
      return waitMs;
    }
    this.#step++;
    const step = this.#steps[this.#step];
    if (!step) this.#endOperation();
    else if (this.#applies(step)) this.#timesLeft = step.times * this.#width;
    return 0;
  }

  #applies({ each, chance }: ReadyStep): boolean {
    return this.#operation % each === 0 && (chance === 1 || this.#random.next() < chance);
  }

  #beginOperation(): void {
    this.#step = -1;
    this.#moved = 0;
    this.#width = this.#widthNow();
    this.#operation += this.#width;
    this.#picked = this.#pick();
  }

  /** How many operations can be done as one without a difference. */
  #widthNow(): number {
    const [step, second] = this.#steps;
    const isSimple = !second && this.#most === 1 && step!.each === 1 && step!.chance === 1;
    if (!isSimple) return 1;
    if (this.#unit === 'operations') return Math.floor(this.#left);
    const pages = (step!.fixedPages ?? Infinity) * step!.times;
    return 1 + Math.floor((this.#left - 1) / Math.max(1, pages));
  }

  /** What an operation takes off the turn; one that moved nothing counts as a page. */
  #endOperation(): void {
    this.#left -= this.#unit === 'operations' ? this.#width : Math.max(this.#width, this.#moved);
    if (this.#foundFull) this.#left = 0;
    this.#foundFull = false;
    if (this.#left < 1) this.#inTurn = false;
    else this.#beginOperation();
  }

  /** The set's file that the operation is about; sets of as many files have the same one. */
  #fileOf(set: FileSet): LiveFile {
    return this.#files.of(set, Math.floor((this.#picked * set.count) / this.#most));
  }

  /** Moves the next pages of what a step has begun. */
  #move(): number {
    const { kind, first } = this.#progress;
    const file = this.#progress.file!;
    let count = Math.min(CALL_PAGES, this.#progress.count);
    this.#movedInAll += count;
    this.#progress.first += count;
    this.#progress.count -= count;
    if (kind !== 'write') count = Math.min(count, file.present - first);
    if (count <= 0) return 0;
    const open = file.open(this.#calls);
    if (kind === 'read') return this.#calls.read(open, first, count);
    let written = count;
    try {
      if (kind === 'direct') return this.#calls.writeDirect(open, first, count);
      return this.#calls.write(open, first, count);
    } catch (error) {
      written = error instanceof NoSpaceError ? error.written : 0;
      throw error;
    } finally {
      if (written > 0) file.present = Math.max(file.present, first + written);
      if (this.#countsWritten) this.#count(this.#steps[this.#step]!.set, written);
    }
  }

  #count(set: FileSet, pages: number): void {
    this.#written.set(set, (this.#written.get(set) ?? 0) + pages);
  }
}
