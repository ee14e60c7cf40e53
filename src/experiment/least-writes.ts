/**
 * The writes that nobody can put off: what a guest writes when its kernel never writes back by age
 * or by choice, but only what is synced, written past the page cache, committed by the journal, or
 * does not fit its memory any more. The clairvoyant schedule is computed from them.
 */
import { NBD_STATE_ZERO } from '../nbd/index.js';
import { BlockSetBuilder, type BlockGeometry, type BlockSet } from '../engine/index.js';
import { createImage, PAGE_BYTES, type GuestSettings, type Image } from '../simulator/index.js';
import { clairvoyantBound, WriteRecorder, type Bound, type BoundLimits } from './bound.js';
import type { GuestRecipe } from './scenario.js';

/** Writes are told apart by so many milliseconds. */
const STEP_MS = 50;
/** How long the guest is watched at the least, and at the most, in milliseconds. */
const SHORTEST_MS = 60_000;
const LONGEST_MS = 6 * 3_600_000;

/** As late as a kernel can be made to write. */
const LAZY: Partial<GuestSettings> = {
  dirtyWritebackCentisecs: 0,
  dirtyExpireCentisecs: 2 ** 31 - 1,
  dirtyBackgroundRatio: 100,
  dirtyRatio: 100,
};

/**
 * The bound for a migration that begins when the guest has run for `warmUpMs`.
 * @throws UsageError as {@link clairvoyantBound} does.
 */
export function boundFor(
  recipe: GuestRecipe,
  geometry: BlockGeometry,
  limits: BoundLimits,
  warmUpMs: number,
): Bound {
  let bound: Bound = { boundBytes: 0 };
  for (let watchMs = SHORTEST_MS; watchMs <= LONGEST_MS; watchMs *= 4) {
    bound = clairvoyantBound(watch(recipe, geometry, warmUpMs, watchMs), limits);
    if (bound.pauseMs !== undefined) break;
  }
  return bound;
}

function watch(recipe: GuestRecipe, geometry: BlockGeometry, warmUpMs: number, watchMs: number) {
  const image = createImage({ size: recipe.diskBytes, seed: recipe.seed });
  const recorder = new WriteRecorder(geometry, STEP_MS);
  let recording = false;
  let version = 0;
  let fromMs = 0;
  const guest = recipe.create({
    size: recipe.diskBytes,
    writePages: (first, count) => {
      image.stamp(first, count, ++version);
      const offset = first * PAGE_BYTES;
      const length = Math.min(count * PAGE_BYTES, recipe.diskBytes - offset);
      if (recording) recorder.write(offset, length, guest.monotonicMs - fromMs);
    },
    discardPages: (first, count) => image.zero(first * PAGE_BYTES, count * PAGE_BYTES, true),
  });
  guest.advance(warmUpMs);
  const allocated = allocatedIn(image, geometry);
  recording = true;
  fromMs = guest.monotonicMs;
  guest.set(LAZY);
  guest.advance(warmUpMs + watchMs);
  return recorder.end(allocated, watchMs);
}

function allocatedIn(image: Image, geometry: BlockGeometry): BlockSet {
  const builder = new BlockSetBuilder();
  const add = builder.extentVisitor(geometry);
  image.allocation(0, image.size, (offset, length, flags) => {
    if ((flags & NBD_STATE_ZERO) === 0) add(offset, Math.min(length, image.size - offset));
    return true;
  });
  return builder.build();
}
