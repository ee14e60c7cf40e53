/** Makes a workload of a description, for a disk of some size. */
import { UsageError } from '../../base/errors.js';
import { PAGE_BYTES } from '../guest/types.js';
import type { WorkloadDescription } from './description.generated.js';
import { laidOutFiles, layOut, LiveFiles, type FileSet } from './files.js';
import { findMisuses, LARGEST_SHARE } from './meaning.js';
import { Program } from './program.js';
import type { RunningWorkload, Workload } from './types.js';

/** The largest disk, in bytes: 256 TiB. */
const LARGEST_DISK = 2 ** 48;

export interface WorkloadOptions {
  /** The disk's size, up to 256 TiB. */
  readonly diskBytes: number;
  /** What the writers' rates are multiplied by, above 0; 1 unless told. */
  readonly rate?: number;
}

function requireOptions({ diskBytes, rate = 1 }: WorkloadOptions): void {
  if (!Number.isSafeInteger(diskBytes) || diskBytes < PAGE_BYTES || diskBytes > LARGEST_DISK) {
    throw new UsageError(`A workload can't have a disk of ${diskBytes} bytes.`, {
      hint: `Give a disk of ${PAGE_BYTES} bytes to 256 TiB.`,
    });
  }
  if (!(rate > 0 && rate <= 1e6)) {
    throw new UsageError(`A workload's rate can't be multiplied by ${rate}.`, {
      hint: 'Give a factor above 0, up to 1000000; 1 is the rate of the description.',
    });
  }
}

function requireRoom(name: string, sets: readonly FileSet[], diskBytes: number): void {
  const needed = sets.reduce((sum, { pages, count }) => sum + pages * count, 0) * PAGE_BYTES;
  if (needed <= diskBytes * LARGEST_SHARE) return;
  throw new UsageError(
    `The workload ${name} needs ${needed} bytes for its files, and a disk of ${diskBytes} bytes has ` +
      `${Math.floor(diskBytes * LARGEST_SHARE)} for them.`,
    { hint: 'Give a larger disk, or make the files of the description fewer or smaller.' },
  );
}

/** Several writers as one: whoever is next acts, the first of the description when several are. */
function together(programs: readonly Program[]): RunningWorkload {
  const next = () =>
    programs.reduce<Program | undefined>(
      (best, program) => (best && best.nextMs <= program.nextMs ? best : program),
      undefined,
    );
  let first = next();
  return {
    get nextMs() {
      return first?.nextMs ?? Infinity;
    },
    act() {
      first?.act();
      first = next();
    },
  };
}

/**
 * A workload for a disk of that size.
 * @throws UsageError when the files do not fit on the disk, or a description that no reader has
 *   checked is wrong.
 */
export function createWorkload(
  description: WorkloadDescription,
  options: WorkloadOptions,
): Workload {
  requireOptions(options);
  const { name } = description;
  const [misuse] = findMisuses(description);
  if (misuse) throw new UsageError(`The workload ${name} can't be used: ${misuse.message}`);
  const diskPages = Math.floor(options.diskBytes / PAGE_BYTES);
  const sets = description.files.map((files) => layOut(files, diskPages));
  requireRoom(name, sets, options.diskBytes);
  return {
    name,
    description: description.description,
    files: sets.flatMap(laidOutFiles),
    start(calls, seed) {
      const surroundings = {
        calls,
        seed,
        files: new LiveFiles(),
        sets: new Map(sets.map((set) => [set.name, set])),
        factor: options.rate ?? 1,
      };
      return together(description.writers.map((writer) => new Program(writer, surroundings)));
    },
  };
}
