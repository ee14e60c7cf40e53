/** The steps of an operation, made ready to run: each verb of a description as system calls. */
import type { Random } from '../random.js';
import type {
  AppendStep,
  CreateStep,
  FdatasyncStep,
  FsyncStep,
  ReadStep,
  RenameStep,
  Sizes,
  Step,
  TruncateStep,
  WriteStep,
} from './description.generated.js';
import type { FileSet, LiveFile } from './files.js';
import { createDraw } from './place.js';
import type { SystemCalls } from './types.js';
import { parseShare, parseSize, wholePages } from './units.js';

/** What a step has begun; one for each writer, used again and again. */
export interface Progress {
  /** How often the step was done, by the call before. */
  times: number;
  /** Pages that are still to be moved, in calls of their own. */
  kind: 'write' | 'direct' | 'read';
  file: LiveFile | undefined;
  first: number;
  count: number;
}

/** A step that can run. */
export interface ReadyStep {
  readonly set: FileSet;
  /** How often in one operation. */
  readonly times: number;
  /** In every Nth operation, from the Nth on. */
  readonly each: number;
  /** In what part of those; 1 is always. */
  readonly chance: number;
  /** Pages of each time, where they are always the same. */
  readonly fixedPages: number | undefined;
  /**
   * Does it at least once (or not at all, when it has to wait first) and at most `times` times.
   * What data it moves is in `progress` afterwards.
   * @returns how long the writer waits, in milliseconds.
   */
  run(file: LiveFile, times: number, progress: Progress): number;
}

/** What steps need of the writer that they belong to. */
export interface StepContext {
  readonly calls: SystemCalls;
  readonly random: Random;
  /** @throws never: references are checked before. */
  set(name: string): FileSet;
  /** The file of the set that the present operation is about. */
  picked(set: FileSet): LiveFile;
  /** How many pages the writer has written into files of the set so far. */
  written(set: FileSet): number;
}

type Act = Pick<ReadyStep, 'fixedPages' | 'run'>;

function begin(
  progress: Progress,
  kind: Progress['kind'],
  file: LiveFile,
  first: number,
  count: number,
): void {
  progress.kind = kind;
  progress.file = file;
  progress.first = first;
  progress.count = count;
}

/** Draws sizes in pages, from 1 to the whole file. */
function createSizes(sizes: Sizes, filePages: number, random: Random) {
  const ends = (typeof sizes === 'string' ? [sizes] : sizes).map((size) =>
    Math.min(filePages, wholePages(parseSize(size), filePages)),
  );
  const from = ends[0]!;
  const to = Math.max(from, ends.at(-1)!);
  return {
    fixed: from === to ? from : undefined,
    draw: () => (from === to ? from : from + random.below(to - from + 1)),
  };
}

/** Writes and reads in place. */
function inPlace(
  step: WriteStep | ReadStep,
  set: FileSet,
  kind: Progress['kind'],
  context: StepContext,
): Act {
  const sizes = createSizes(step.size ?? '1 page', set.pages, context.random);
  const draw = createDraw(step.where ?? 'anywhere', context.random);
  let cursor = 0;
  let cursorFile: LiveFile | undefined;
  return {
    fixedPages: sizes.fixed,
    run(file, times, progress) {
      const size = sizes.draw();
      progress.times = 1;
      let first: number;
      let count = size;
      if (draw) {
        first = draw(Math.floor(file.pages / size), size, file.pages) * size;
      } else {
        if (cursorFile !== file || cursor + size > file.pages) cursor = 0;
        cursorFile = file;
        first = cursor;
        if (sizes.fixed) progress.times = Math.min(times, Math.floor((file.pages - first) / size));
        count = size * progress.times;
        cursor += count;
      }
      // What has to be within the file is cut to what the file has now.
      if (kind !== 'write') count = Math.min(count, Math.max(0, file.present - first));
      begin(progress, kind, file, first, count);
      return 0;
    },
  };
}

function append(step: AppendStep, set: FileSet, { calls, random }: StepContext): Act {
  const sizes = createSizes(step.size ?? '1 page', set.pages, random);
  let size: number | undefined;
  return {
    fixedPages: sizes.fixed,
    run(file, times, progress) {
      size ??= sizes.draw();
      progress.times = 0;
      if (file.present + size > file.pages) {
        file.present = 0;
        const wait = calls.truncate(file.open(calls), 0);
        if (wait > 0) return wait;
      }
      const room = Math.floor((file.pages - file.present) / size);
      progress.times = sizes.fixed ? Math.min(times, room) : 1;
      begin(progress, 'write', file, file.present, size * progress.times);
      size = undefined;
      return 0;
    },
  };
}

function create(step: CreateStep, set: FileSet, { calls, random }: StepContext): Act {
  const sizes = createSizes(step.size ?? '100 %', set.pages, random);
  return {
    fixedPages: sizes.fixed,
    run(file, _times, progress) {
      file.create(calls);
      begin(progress, 'write', file, 0, sizes.draw());
      progress.times = 1;
      return 0;
    },
  };
}

/** A step that moves no data: does nothing where its file is not there. */
function plain(act: (file: LiveFile) => number): Act {
  return {
    fixedPages: 0,
    run(file, _times, progress) {
      progress.times = 1;
      return file.exists ? act(file) : 0;
    },
  };
}

function sync(step: FsyncStep | FdatasyncStep, set: FileSet, context: StepContext): Act {
  const metadata = 'fsync' in step;
  const after = step.after === undefined ? 0 : wholePages(parseSize(step.after), set.pages);
  let syncedAt = 0;
  return plain((file) => {
    const written = context.written(set);
    if (written - syncedAt < after) return 0;
    syncedAt = written;
    return context.calls.sync(file.open(context.calls), metadata);
  });
}

function truncate(step: TruncateStep, set: FileSet, { calls }: StepContext): Act {
  const to = step.to === undefined ? 0 : Math.min(set.pages, sizeFromZero(step.to, set.pages));
  return plain((file) => {
    const pages = Math.min(to, file.present);
    file.present = pages;
    return calls.truncate(file.open(calls), pages);
  });
}

/** As `wholePages`, with nothing as the least. */
function sizeFromZero(size: string, whole: number): number {
  const parsed = parseSize(size);
  return ('share' in parsed ? parsed.share : parsed.pages) === 0 ? 0 : wholePages(parsed, whole);
}

function rename(step: RenameStep, context: StepContext): Act {
  const target = context.set(step.to);
  return plain((file) => {
    file.renameTo(context.picked(target), context.calls);
    return 0;
  });
}

function remove({ calls }: StepContext): Act {
  return plain((file) => {
    file.unlink(calls);
    return 0;
  });
}

/** The name of the files that the step is about, and what it does to them. */
function prepare(step: Step, context: StepContext): { set: FileSet; act: Act } {
  const on = (name: string, make: (set: FileSet) => Act) => {
    const set = context.set(name);
    return { set, act: make(set) };
  };
  if ('write' in step) {
    const kind = step.direct ? 'direct' : 'write';
    return on(step.write, (set) => inPlace(step, set, kind, context));
  }
  if ('read' in step) return on(step.read, (set) => inPlace(step, set, 'read', context));
  if ('append' in step) return on(step.append, (set) => append(step, set, context));
  if ('create' in step) return on(step.create, (set) => create(step, set, context));
  if ('fsync' in step) return on(step.fsync, (set) => sync(step, set, context));
  if ('fdatasync' in step) return on(step.fdatasync, (set) => sync(step, set, context));
  if ('truncate' in step) return on(step.truncate, (set) => truncate(step, set, context));
  if ('rename' in step) return on(step.rename, () => rename(step, context));
  return on(step.delete, () => remove(context));
}

/** Makes a step ready to run. */
export function readyStep(step: Step, context: StepContext): ReadyStep {
  const { set, act } = prepare(step, context);
  return {
    set,
    times: 'times' in step ? (step.times ?? 1) : 1,
    each: step.each ?? 1,
    chance: step.chance === undefined ? 1 : parseShare(step.chance),
    ...act,
  };
}
