/**
 * What is known of one block (or of several that are drawn as one cell), in one 32-bit word. The
 * service computes words, webviews draw them, and both read them by these functions alone.
 *
 *    0–7    how often it was sent, 255 at most
 *    8–15   how often it was in a set of dirty blocks, 255 at most
 *   16–19   0, or why it is put off: number of the reason + 1
 *   20      pending: the destination does not have its newest form
 *   21      planned: the batch under way sends it, and has not yet
 *   22      written since the sending that is under way began
 *   23      allocated
 *   24–25   the page cache over it: absent, clean, writeback, dirty
 *   26      dirty since the round began
 *   27      source and destination differ there
 *   28      there is such a cell: set by who draws it, never told
 *   29      it is of the file that is marked: set by who draws it, never told
 */

export const SENT_MASK = 0xff;
export const DIRTIED_SHIFT = 8;
export const DIRTIED_MASK = 0xff << DIRTIED_SHIFT;
export const REASON_SHIFT = 16;
export const REASON_MASK = 0xf << REASON_SHIFT;
export const PENDING = 1 << 20;
export const PLANNED = 1 << 21;
export const WRITTEN = 1 << 22;
export const ALLOCATED = 1 << 23;
export const CACHE_SHIFT = 24;
export const CACHE_MASK = 3 << CACHE_SHIFT;
export const DIRTY_SINCE = 1 << 26;
export const DIFFERS = 1 << 27;
export const PRESENT = 1 << 28;
export const MARKED = 1 << 29;
/** What is told of a cell. */
export const TOLD_MASK = PRESENT - 1;

/** Most reasons to put a block off that a word can tell apart; further ones count as the last. */
export const MOST_REASONS = 15;

/** What the page cache over a block can be, by its number in a word. */
export const CACHE_STATES = ['absent', 'clean', 'writeback', 'dirty'] as const;
export type CacheStateName = (typeof CACHE_STATES)[number];

/** What a block can be to the migration; each block is exactly one of these. */
export const MIGRATION_STATES = [
  'free',
  'sent',
  'resent',
  'pending',
  'inflight',
  'deferred',
  'differs',
] as const;
export type MigrationState = (typeof MIGRATION_STATES)[number];

/** What a block can be to the disk. */
export const DISK_STATES = ['free', 'allocated', 'dirty'] as const;
export type DiskState = (typeof DISK_STATES)[number];

/** How often a block was dirtied, in classes: never, once, 2–3, 4–7, 8–15, 16 and more. */
export const FREQUENCY_STATES = ['never', '1', '2-3', '4-7', '8-15', '16+'] as const;

/** The layers of the map, and what a block can be in each. */
export const LAYERS = {
  migration: MIGRATION_STATES,
  cache: CACHE_STATES,
  disk: DISK_STATES,
  frequency: FREQUENCY_STATES,
} as const;
export type LayerName = keyof typeof LAYERS;

export function sentCountOf(word: number): number {
  return word & SENT_MASK;
}

export function dirtiedCountOf(word: number): number {
  return (word & DIRTIED_MASK) >>> DIRTIED_SHIFT;
}

/** Number of the reason for which the block is put off; undefined where it is not. */
export function reasonOf(word: number): number | undefined {
  const reason = (word & REASON_MASK) >>> REASON_SHIFT;
  return reason > 0 && (word & PENDING) !== 0 ? reason - 1 : undefined;
}

/** Index into {@link CACHE_STATES}. */
export function cacheStateOf(word: number): number {
  return (word & CACHE_MASK) >>> CACHE_SHIFT;
}

/** Index into {@link MIGRATION_STATES}. */
export function migrationStateOf(word: number): number {
  if ((word & DIFFERS) !== 0) return 6;
  if ((word & PENDING) !== 0) {
    if ((word & REASON_MASK) !== 0) return 5;
    return (word & PLANNED) !== 0 ? 4 : 3;
  }
  const sent = word & SENT_MASK;
  return sent > 1 ? 2 : sent;
}

/** Index into {@link DISK_STATES}. */
export function diskStateOf(word: number): number {
  if ((word & DIRTY_SINCE) !== 0) return 2;
  return (word & ALLOCATED) !== 0 ? 1 : 0;
}

/** Index into {@link FREQUENCY_STATES}. */
export function frequencyStateOf(word: number): number {
  const dirtied = dirtiedCountOf(word);
  return dirtied === 0 ? 0 : Math.min(5, 32 - Math.clz32(dirtied));
}

/** Index into the states of the layer. */
export function stateOf(layer: LayerName, word: number): number {
  switch (layer) {
    case 'migration':
      return migrationStateOf(word);
    case 'cache':
      return cacheStateOf(word);
    case 'disk':
      return diskStateOf(word);
    case 'frequency':
      return frequencyStateOf(word);
  }
}

/** The word of a cell that stands for both: what matters most of either. */
export function combineWords(a: number, b: number): number {
  const flags = (a | b) & ~(SENT_MASK | DIRTIED_MASK | REASON_MASK | CACHE_MASK);
  const most = (mask: number): number => Math.max(a & mask, b & mask);
  return flags | most(SENT_MASK) | most(DIRTIED_MASK) | most(REASON_MASK) | most(CACHE_MASK);
}
