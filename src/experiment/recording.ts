/** What a trace tells of a guest: what it wrote and what its page cache held, on the guest's own time. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { messageOf, UsageError } from '../base/errors.js';
import {
  blockCount,
  blockGeometry,
  type BlockSet,
  decodeRuns,
  readEvents,
  type BlockGeometry,
  type MigrationEvent,
  type StartEvent,
  type SummaryEvent,
} from '../engine/index.js';
import type { RecordedWrites } from './bound.js';

/** The guest's page cache at one moment, in whole blocks. */
export interface RecordedLook {
  readonly atMs: number;
  readonly dirty: BlockSet;
  readonly writeback: BlockSet;
  readonly clean: BlockSet;
}

/** Blocks that were written between two moments. */
export interface RecordedStep {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly blocks: BlockSet;
}

/** Times are milliseconds that the guest ran since tracking began. */
export interface Recording {
  readonly start: StartEvent;
  /** Absent where the trace ends before the run did. */
  readonly summary?: SummaryEvent;
  readonly geometry: BlockGeometry;
  /** What held anything when tracking began. */
  readonly allocated: BlockSet;
  readonly steps: readonly RecordedStep[];
  /** None where no probe told of the page cache. */
  readonly looks: readonly RecordedLook[];
  readonly endMs: number;
}

/** Gathers a recording from the events of a run, in order. */
export class Recorder {
  #start: StartEvent | undefined;
  #summary: SummaryEvent | undefined;
  #geometry: BlockGeometry | undefined;
  #allocated: BlockSet | undefined;
  readonly #steps: RecordedStep[] = [];
  readonly #looks: RecordedLook[] = [];
  /** When tracking began, and how long the guest stood since. */
  #beganAt: number | undefined;
  #stoodMs = 0;
  #pausedAt: number | undefined;

  take(event: MigrationEvent): void {
    switch (event.type) {
      case 'start':
        this.#start = event;
        this.#geometry = blockGeometry(event.granularity, event.disk.size);
        break;
      case 'allocated':
        this.#allocated = this.#blocks(event.blocks);
        break;
      case 'dirty': {
        this.#beganAt ??= event.t - event.sinceMs;
        const untilMs = this.#guestTime(event.t);
        const fromMs = Math.max(this.#steps.at(-1)?.untilMs ?? 0, untilMs - event.sinceMs);
        this.#steps.push({ fromMs, untilMs, blocks: this.#blocks(event.blocks) });
        break;
      }
      case 'cache':
        this.#looks.push({
          atMs: this.#beganAt === undefined ? 0 : this.#guestTime(event.t),
          dirty: this.#blocks(event.dirty),
          writeback: this.#blocks(event.writeback),
          clean: this.#blocks(event.clean),
        });
        break;
      case 'paused':
        this.#pausedAt = event.t;
        break;
      case 'resumed':
        this.#stoodMs += event.t - (this.#pausedAt ?? event.t);
        this.#pausedAt = undefined;
        break;
      case 'summary':
        this.#summary = event;
    }
  }

  /** @throws UsageError when the events do not reach to the rounds. */
  recording(): Recording {
    const start = this.#start;
    const last = this.#steps.at(-1);
    if (!start || !this.#geometry || !this.#allocated || !last)
      throw new UsageError('The trace tells of no writes: it ends before the first round does.', {
        hint: 'Take the trace of a migration that came to its first round.',
      });
    return {
      start,
      ...(this.#summary ? { summary: this.#summary } : {}),
      geometry: this.#geometry,
      allocated: this.#allocated,
      steps: this.#steps,
      looks: this.#looks,
      endMs: last.untilMs,
    };
  }

  /** A flip tells of time in which the guest ran; what of a pause is in it counts for nothing. */
  #guestTime(t: number): number {
    const standing = this.#pausedAt === undefined ? 0 : t - this.#pausedAt;
    return Math.max(0, t - (this.#beganAt ?? t) - this.#stoodMs - standing);
  }

  #blocks(runs: readonly number[]): BlockSet {
    if (!this.#geometry) throw new UsageError('The trace has blocks before its start event.');
    return decodeRuns(runs, { blocks: blockCount(this.#geometry) });
  }
}

/**
 * Reads a trace, plain or gzip.
 * @param take is given every event as well.
 * @throws UsageError when the file can't be read or holds no trace; what is wrong is told by line.
 */
export async function readTrace(
  path: string,
  take: (event: MigrationEvent) => void,
): Promise<void> {
  const file = createReadStream(path);
  const bytes = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  file.on('error', (error) => bytes.destroy(error));
  try {
    const read = await readEvents(bytes as AsyncIterable<Uint8Array>, take);
    if (read.stopped !== undefined)
      throw new UsageError(
        `The trace ${path} is wrong in line ${read.count + 1}: ${read.stopped}`,
        {
          hint: 'Its lines before that are whole; cut it there to use them.',
        },
      );
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`The trace ${path} can't be read: ${messageOf(error)}`, {
      cause: error,
      hint: 'Name a file that `migrascope migrate --trace` wrote.',
    });
  } finally {
    file.destroy();
  }
}

/** The recorded writes, for the clairvoyant schedule. */
export function writesOf({ geometry, allocated, steps, endMs }: Recording): RecordedWrites {
  return { geometry, allocated, endMs, steps };
}
