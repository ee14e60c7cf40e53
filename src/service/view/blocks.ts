/**
 * What each block is to a migration, or to a disk that is watched: events in, a word for each block
 * out (src/heatmap/word.ts). A step costs time in proportion to the blocks that its event names or
 * that what it replaces had named.
 */
import {
  BlockSet,
  blockCount,
  decodeRuns,
  type BlockGeometry,
  type MigrationEvent,
  type Runs,
} from '../../engine/index.js';
import {
  ALLOCATED,
  CACHE_MASK,
  CACHE_SHIFT,
  DIFFERS,
  DIRTIED_MASK,
  DIRTIED_SHIFT,
  DIRTY_SINCE,
  MOST_REASONS,
  PENDING,
  PLANNED,
  REASON_MASK,
  REASON_SHIFT,
  SENT_MASK,
  WRITTEN,
} from '../../heatmap/index.js';
import { TAKING_LINES, type EventOf } from '../../progress/index.js';
import { FileMap, type FileMapMoment, type FileNames } from './file-map.js';
import { Legend, type Counts, type LegendBytes } from './legend.js';
import type { Change } from './page.js';
import { PagedWords, type Pages } from './paged-words.js';

/** The statement whose plan is an outlook: nothing of it is sent. */
const OUTLOOK_LINE = 11;

/** Sets that are replaced or emptied as a whole. */
interface Sets {
  allocated: BlockSet;
  written: BlockSet;
  since: BlockSet;
  planned: BlockSet;
  /** By the number of the reason. */
  deferred: readonly BlockSet[];
  clean: BlockSet;
  writeback: BlockSet;
  dirty: BlockSet;
}

/** All that is known of the blocks at one moment; a value. */
export interface BlocksMoment {
  readonly words: Pages;
  readonly files: FileMapMoment;
  readonly sets: Readonly<Sets>;
  readonly reasons: readonly string[];
  readonly line: number;
  readonly taking: boolean;
  readonly counts: Counts;
}

export class Blocks {
  readonly count: number;
  readonly files: FileMap;
  readonly #words: PagedWords;
  #sets: Sets;
  #reasons: readonly string[];
  #line: number;
  /** The next dirty event is what the program takes to what is pending, before it sends. */
  #taking: boolean;
  readonly #legend: Legend;

  /**
   * @param watched whether nothing moves: what is allocated has not to be sent, and what becomes
   * dirty in the page cache counts as dirtied.
   * @param moment where it begins; all 0 unless told.
   */
  constructor(
    readonly geometry: BlockGeometry,
    private readonly watched: boolean,
    names: FileNames,
    moment?: BlocksMoment,
  ) {
    this.count = blockCount(geometry);
    this.#legend = new Legend(geometry, moment?.counts);
    this.#words = new PagedWords(this.count, moment?.words, (before, after, blocks) =>
      this.#legend.change(before, after, blocks),
    );
    this.files = new FileMap(geometry, names, moment?.files);
    this.#sets = moment ? { ...moment.sets } : emptySets();
    this.#reasons = moment?.reasons ?? [];
    this.#line = moment?.line ?? 0;
    this.#taking = moment?.taking ?? false;
  }

  /** Names of the reasons; the place in the list is the number of the reason in a word. */
  get reasons(): readonly string[] {
    return this.#reasons;
  }

  /** Bytes that the destination lacks in their newest form, put off or not. */
  get pendingBytes(): number {
    return this.#legend.pendingBytes(this.#lastWord);
  }

  /** Bytes that are put off. */
  get deferredBytes(): number {
    return this.#legend.deferredBytes(this.#lastWord);
  }

  /** Bytes of the disk in each state of each layer. */
  get legend(): LegendBytes {
    return this.#legend.bytes(this.#lastWord);
  }

  /** Bytes that are put off for the reason with this number. */
  reasonBytes(reason: number): number {
    return this.#legend.reasonBytes(reason, this.#lastWord);
  }

  word(block: number): number {
    return this.#words.get(block);
  }

  /** The words as they are now, to be kept. */
  pages(): Pages {
    return this.#words.freeze();
  }

  freeze(): BlocksMoment {
    return {
      words: this.#words.freeze(),
      files: this.files.freeze(),
      sets: { ...this.#sets },
      reasons: this.#reasons,
      line: this.#line,
      taking: this.#taking,
      counts: this.#legend.freeze(),
    };
  }

  /** Takes the next event. @throws ProtocolError when it does not fit this disk; then nothing changed. */
  apply(event: MigrationEvent): void {
    switch (event.type) {
      case 'statement': {
        this.#statement(event.line);
        return;
      }
      case 'allocated': {
        this.#allocate(this.decode(event.blocks));
        return;
      }
      case 'taken-over': {
        this.#takeOver(this.decode(event.pending));
        return;
      }
      case 'dirty': {
        this.#dirtied(this.decode(event.blocks));
        return;
      }
      case 'plan': {
        this.#plan(event);
        return;
      }
      case 'sent': {
        this.#sent(this.decode(event.blocks));
        return;
      }
      case 'batch':
        this.#beginSending();
        {
          this.#planned(BlockSet.empty);
          return;
        }
      case 'cache': {
        this.#cache(event);
        return;
      }
      case 'probe': {
        if (event.state === 'lost') this.#forgetCache();
        return;
      }
      case 'paused':
      case 'drain':
        this.#taking = true;
        return;
      case 'verify': {
        this.#verify(event);
        return;
      }
    }
  }

  /** Decodes a set of an event. @throws ProtocolError when it does not fit this disk. */
  decode(runs: Runs): BlockSet {
    return decodeRuns(runs, { blocks: this.count });
  }

  #change(blocks: BlockSet, next: Change): void {
    this.#words.changeAll((visit) => blocks.runs(visit), next);
  }

  /** `after` has the flag, and of `before` what is not in it has not. */
  #flag(flag: number, before: BlockSet, after: BlockSet): void {
    this.#change(before.difference(after), (word) => word & ~flag);
    this.#change(after, (word) => word | flag);
  }

  #statement(line: number): void {
    this.#line = line;
    if (line === 1) this.#forgetCache();
    if (line === 4 || line === 12) {
      this.#flag(DIRTY_SINCE, this.#sets.since, BlockSet.empty);
      this.#sets.since = BlockSet.empty;
    }
    if (TAKING_LINES.includes(line)) this.#taking = true;
    if (line === 12 || line === 15) {
      this.#planned(BlockSet.empty);
      this.#defer([]);
    }
  }

  #allocate(blocks: BlockSet): void {
    if (this.watched) this.#flag(ALLOCATED, this.#sets.allocated, blocks);
    else this.#change(blocks, (word) => word | ALLOCATED | PENDING);
    this.#sets.allocated = this.watched ? blocks : BlockSet.empty;
  }

  #takeOver(pending: BlockSet): void {
    this.#change(pending.complement(0, this.count), (word) => word & ~PENDING);
    this.#change(pending, (word) => word | PENDING | ALLOCATED);
    this.#planned(BlockSet.empty);
    this.#beginSending();
  }

  #dirtied(blocks: BlockSet): void {
    this.#change(blocks, (word) => oftener(word) | PENDING | WRITTEN | DIRTY_SINCE | ALLOCATED);
    this.#sets.written = this.#sets.written.union(blocks);
    this.#sets.since = this.#sets.since.union(blocks);
    if (this.#taking) this.#beginSending();
    this.#taking = false;
  }

  /** What is written from now on stays pending even if it is sent meanwhile. */
  #beginSending(): void {
    this.#flag(WRITTEN, this.#sets.written, BlockSet.empty);
    this.#sets.written = BlockSet.empty;
  }

  #plan({ send, deferred }: EventOf<'plan'>): void {
    const planned = this.#line === OUTLOOK_LINE ? BlockSet.empty : this.decode(send);
    const sets: BlockSet[] = [];
    for (const { reason, blocks } of deferred) {
      const number = this.#reasonNumber(reason);
      const named = this.decode(blocks);
      sets[number] = sets[number]?.union(named) ?? named;
    }
    this.#planned(planned);
    this.#defer(Array.from(sets, (set?: BlockSet) => set ?? BlockSet.empty));
  }

  #planned(blocks: BlockSet): void {
    this.#flag(PLANNED, this.#sets.planned, blocks);
    this.#sets.planned = blocks;
  }

  #defer(deferred: readonly BlockSet[]): void {
    const before = BlockSet.unionOf(this.#sets.deferred);
    const after = BlockSet.unionOf(deferred);
    this.#change(before.difference(after), (word) => word & ~REASON_MASK);
    deferred.forEach((blocks, number) => {
      const reason = (number + 1) << REASON_SHIFT;
      this.#change(blocks, (word) => (word & ~REASON_MASK) | reason);
    });
    this.#sets.deferred = deferred;
  }

  #reasonNumber(reason: string): number {
    const known = this.#reasons.indexOf(reason);
    if (known >= 0) return known;
    if (this.#reasons.length === MOST_REASONS) return MOST_REASONS - 1;
    this.#reasons = [...this.#reasons, reason];
    return this.#reasons.length - 1;
  }

  #sent(blocks: BlockSet): void {
    const cleared = ~(PLANNED | REASON_MASK | DIFFERS);
    this.#change(blocks, (word) => {
      const times = Math.min(SENT_MASK, (word & SENT_MASK) + 1);
      const kept = (word & WRITTEN) !== 0 ? word : word & ~PENDING;
      return (kept & cleared & ~SENT_MASK) | times;
    });
  }

  #cache(event: EventOf<'cache'>): void {
    const dirty = this.decode(event.dirty);
    const writeback = this.decode(event.writeback).difference(dirty);
    const clean = this.decode(event.clean).difference(dirty).difference(writeback);
    this.files.look(event);
    if (this.watched) this.#change(dirty.difference(this.#sets.dirty), oftener);
    this.#cached(clean, writeback, dirty);
  }

  #forgetCache(): void {
    this.#cached(BlockSet.empty, BlockSet.empty, BlockSet.empty);
  }

  #cached(clean: BlockSet, writeback: BlockSet, dirty: BlockSet): void {
    const { clean: wasClean, writeback: wasWriteback, dirty: wasDirty } = this.#sets;
    const before = BlockSet.unionOf([wasClean, wasWriteback, wasDirty]);
    const after = BlockSet.unionOf([clean, writeback, dirty]);
    this.#change(before.difference(after), (word) => word & ~CACHE_MASK);
    [clean, writeback, dirty].forEach((blocks, index) => {
      const state = (index + 1) << CACHE_SHIFT;
      this.#change(blocks, (word) => (word & ~CACHE_MASK) | state);
    });
    Object.assign(this.#sets, { clean, writeback, dirty });
  }

  #verify({ differing }: EventOf<'verify'>): void {
    const { granularity } = this.geometry;
    for (const { offset, length } of differing) {
      const first = Math.min(this.count, Math.floor(offset / granularity));
      const end = Math.min(this.count, Math.ceil((offset + length) / granularity));
      this.#words.change(first, end - first, (word) => word | DIFFERS);
    }
  }

  get #lastWord(): number {
    return this.count === 0 ? 0 : this.#words.get(this.count - 1);
  }
}

function emptySets(): Sets {
  const { empty } = BlockSet;
  return {
    ...{ allocated: empty, written: empty, since: empty, planned: empty, deferred: [] },
    ...{ clean: empty, writeback: empty, dirty: empty },
  };
}

/** The block was dirtied once more. */
function oftener(word: number): number {
  return (word & DIRTIED_MASK) === DIRTIED_MASK ? word : word + (1 << DIRTIED_SHIFT);
}
