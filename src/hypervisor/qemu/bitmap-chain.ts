/**
 * The dirty bitmaps of a run that another process was tracking with, and whether nothing that was
 * written is missing from them: pure. The numbers in their names are those of the flips that close
 * them; from the one after the last flip that is known, each has to be there.
 */
import { HypervisorError } from '../../base/errors.js';
import type { GuestDisk, Leftover } from '../types.js';
import type { BlockDirtyInfo } from './schema.js';

/** A bitmap of a run, with the number of the flip that closes it. */
export type NumberedBitmap = BlockDirtyInfo & { readonly name: string; readonly number: number };

/** A run's bitmaps by what is to be done with them. */
export interface BitmapChain {
  /** Known already. */
  readonly spent: readonly NumberedBitmap[];
  /** Closed, and not known. */
  readonly unread: readonly NumberedBitmap[];
  readonly recording: NumberedBitmap;
}

/** The number at the end of a bitmap's name. */
export function numberOf(name: string): number {
  return Number(/-dirty-(\d+)$/.exec(name)?.[1]);
}

/** Of a node's bitmaps those of the run's tracking, the oldest first. */
export function bitmapsOf(run: string, bitmaps: readonly BlockDirtyInfo[]): NumberedBitmap[] {
  return bitmaps
    .flatMap((bitmap) => {
      const { name } = bitmap;
      if (name?.startsWith(`migrascope-${run}-dirty-`) !== true) return [];
      return [{ ...bitmap, name, number: numberOf(name) }];
    })
    .sort((one, other) => one.number - other.number);
}

/** Whether a run's leftovers have every bitmap from the one after the flip `after` on. */
export function trackedSince(after: number, run: string, leftovers: readonly Leftover[]): boolean {
  const own = leftovers.filter((each) => each.kind === 'bitmap' && each.run === run);
  const numbers = own.map(({ name }) => numberOf(name)).filter((number) => number > after);
  const sorted = numbers.sort((one, other) => one - other);
  return sorted.length > 0 && sorted.every((number, index) => number === after + 1 + index);
}

/**
 * @param found as {@link bitmapsOf} gives them.
 * @throws HypervisorError when something that was written is in none of them.
 */
export function chain(
  disk: Pick<GuestDisk, 'name'>,
  found: readonly NumberedBitmap[],
  { run, after, granularity }: { run: string; after: number; granularity: number },
): BitmapChain {
  const unknown = found.filter(({ number }) => number > after);
  const recording = unknown.at(-1);
  const refuse = (why: string) =>
    new HypervisorError(
      `The tracking of ${disk.name} by run ${run} can't be gone on with: ${why}.`,
      {
        hint: 'Put right what it left with `migrascope recover`, and begin the migration anew.',
      },
    );
  if (!recording) throw refuse('its dirty bitmaps are not there');
  unknown.forEach(({ number, name }, index) => {
    const due = after + 1 + index;
    if (number !== due) throw refuse(`dirty bitmap ${due} is not there, and ${name} is`);
  });
  if (!recording.recording) throw refuse(`${recording.name} does not record`);
  const unfit = unknown.find((each) => each.granularity !== granularity || each.busy);
  if (unfit) throw refuse(`${unfit.name} is in use, or of another granularity than ${granularity}`);
  const spent = found.filter(({ number }) => number <= after);
  return { spent, unread: unknown.slice(0, -1), recording };
}
