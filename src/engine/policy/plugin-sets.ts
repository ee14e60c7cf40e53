/** The sets of blocks that a policy plugin keeps with the engine: told whole, or by what changed. */
import {
  COMPACT_FROM,
  decodeCompact,
  encodeCompact,
  type Blocks,
  type PolicyCapabilities,
  type SetUpdate,
} from '../../plugin/index.js';
import type { BlockSet } from '../blockset/index.js';
import { decodeRuns, encodeRuns } from '../blockset/index.js';

/** Most counts in a set of a plugin. */
const MOST_COUNTS = 4_194_304;

/** A set as it travels to a plugin. */
export function encodeBlocks(blocks: BlockSet, compact: boolean): Blocks {
  const runs = encodeRuns(blocks);
  return compact && runs.length >= COMPACT_FROM ? encodeCompact(runs) : runs;
}

/**
 * A set that a plugin gave, in either form.
 * @param blocks how many the disk has.
 * @throws ProtocolError when it is none, or not within the disk.
 */
export function decodeBlocks(set: Blocks, blocks: number): BlockSet {
  const counts = typeof set === 'string' ? decodeCompact(set, MOST_COUNTS) : set;
  return decodeRuns(counts, { blocks, maxLength: MOST_COUNTS });
}

/** What one program was told of the sets, from its start on. */
export class ToldSets {
  readonly #told = new Map<string, BlockSet>();

  constructor(private readonly capabilities: PolicyCapabilities) {}

  /** What to tell of the set of that name, so that it is `now`. */
  update(name: string, now: BlockSet): SetUpdate {
    const { sets = 'whole', compact = false } = this.capabilities;
    const before = this.#told.get(name);
    this.#told.set(name, now);
    if (sets === 'whole' || !before) return { whole: encodeBlocks(now, compact) };
    const [remove, add] = [before.difference(now), now.difference(before)];
    return {
      ...(remove.isEmpty ? {} : { remove: encodeBlocks(remove, compact) }),
      ...(add.isEmpty ? {} : { add: encodeBlocks(add, compact) }),
    };
  }
}
