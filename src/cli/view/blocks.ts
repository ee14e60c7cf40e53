/** What each block of the disk is to a migration, followed event by event. */
import {
  BlockSet,
  blockCount,
  decodeRuns,
  type BlockGeometry,
  type DeferredBlocks,
  type Runs,
} from '../../engine/index.js';
import { CountedSet, partsOf, type Parts } from './cells.js';

/** What a block can be; every block is exactly one of these. */
export const BLOCK_STATES = ['pending', 'deferred', 'dirty', 'resent', 'sent', 'free'] as const;
export type BlockState = (typeof BLOCK_STATES)[number];

/**
 * The sets of a migration. A block is `deferred` or `pending` while the destination lacks its newest
 * form, `dirty` when the destination has it and the guest's page cache is about to change it,
 * `resent` or `sent` when the destination has it, and `free` when nothing had to be sent.
 */
export class MigrationBlocks {
  readonly parts: Parts;
  readonly #sets: Record<Exclude<BlockState, 'free'>, CountedSet>;
  #pending = BlockSet.empty;
  #deferred = BlockSet.empty;
  #sentOnce = BlockSet.empty;
  #sentTwice = BlockSet.empty;
  #cacheDirty = BlockSet.empty;
  /** Written since the sending that is under way began: sent or not, it is pending again. */
  #written = BlockSet.empty;
  #reasons: ReadonlyMap<string, BlockSet> = new Map();

  constructor(readonly geometry: BlockGeometry) {
    this.parts = partsOf(blockCount(geometry));
    const counted = () => new CountedSet(this.parts, BlockSet.empty);
    this.#sets = {
      pending: counted(),
      deferred: counted(),
      dirty: counted(),
      resent: counted(),
      sent: counted(),
    };
  }

  /** Decodes a set of an event. @throws ProtocolError when it does not fit this disk. */
  decode(runs: Runs): BlockSet {
    return decodeRuns(runs, { blocks: this.parts.blocks });
  }

  /** What has to be sent at the beginning. */
  allocated(blocks: BlockSet): void {
    this.#pending = this.#pending.union(blocks);
    this.#settle(blocks);
  }

  /** A sending begins: what is written from now on stays pending even if it is sent meanwhile. */
  beginSending(): void {
    this.#written = BlockSet.empty;
  }

  sent(blocks: BlockSet): void {
    this.#sentTwice = this.#sentTwice.union(blocks.intersection(this.#sentOnce));
    this.#sentOnce = this.#sentOnce.union(blocks);
    this.#pending = this.#pending.difference(blocks.difference(this.#written));
    this.#deferred = this.#deferred.difference(blocks);
    this.#settle(blocks);
  }

  dirtied(blocks: BlockSet): void {
    this.#written = this.#written.union(blocks);
    this.#pending = this.#pending.union(blocks);
    this.#settle(blocks);
  }

  cached(dirty: BlockSet): void {
    const changed = exclusive(this.#cacheDirty, dirty);
    this.#cacheDirty = dirty;
    this.#settle(changed);
  }

  planned(deferred: readonly DeferredBlocks[]): void {
    this.#reasons = new Map(deferred.map(({ reason, blocks }) => [reason, this.decode(blocks)]));
    this.#defer(BlockSet.unionOf(this.#reasons.values()));
  }

  /** Nothing is put off any more. */
  deferNothing(): void {
    this.#reasons = new Map();
    this.#defer(BlockSet.empty);
  }

  /** Bytes that are put off now, for each reason, largest first. */
  deferredByReason(): readonly { readonly reason: string; readonly bytes: number }[] {
    const rows = [...this.#reasons].map(([reason, blocks]) => ({
      reason,
      bytes: blocks.intersection(this.#deferred).bytes(this.geometry),
    }));
    return rows.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
  }

  /** Bytes of the disk that are in the state. */
  bytes(state: BlockState): number {
    if (state !== 'free') return this.#sets[state].blocks.bytes(this.geometry);
    const used = Object.values(this.#sets).map((set) => set.blocks.bytes(this.geometry));
    return this.geometry.size - used.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Blocks in the state among the parts from `from` up to, not including, `to`. */
  count(state: Exclude<BlockState, 'free'>, from: number, to: number): number {
    return this.#sets[state].counts.sum(from, to);
  }

  #defer(blocks: BlockSet): void {
    const changed = exclusive(this.#deferred, blocks);
    this.#deferred = blocks;
    this.#settle(changed);
  }

  /** Puts each of the changed blocks into the one state that it has now. */
  #settle(changed: BlockSet): void {
    const missing = this.#pending.intersection(changed);
    const deferred = this.#deferred.intersection(missing);
    const rest = changed.difference(missing);
    const dirty = this.#cacheDirty.intersection(rest);
    const there = this.#sentOnce.intersection(rest).difference(dirty);
    const resent = this.#sentTwice.intersection(there);
    this.#sets.deferred.update(changed, deferred);
    this.#sets.pending.update(changed, missing.difference(deferred));
    this.#sets.dirty.update(changed, dirty);
    this.#sets.resent.update(changed, resent);
    this.#sets.sent.update(changed, there.difference(resent));
  }
}

/** The blocks that are in one of the sets only. */
function exclusive(a: BlockSet, b: BlockSet): BlockSet {
  return a.difference(b).union(b.difference(a));
}
