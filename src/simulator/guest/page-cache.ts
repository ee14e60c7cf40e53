/**
 * The pages of files and of metadata in the guest's memory: clean, dirty, under write-back, or dirty
 * again while under write-back. Clean pages leave, those first that were not used for longest, when
 * memory is short; others stay whatever it takes.
 */
import type { CachedInode } from './cached-inode.js';
import { FrameTable, NEWER, NEXT, NONE, OLDER, PREVIOUS, STATE, WRITE } from './frame-table.js';

const DIRTY = 1;
/** The page is not its inode's any more; the frame is given back when its write arrives. */
const DETACHED = 2;

export class PageCache {
  /** Dirty pages, those included that are under write-back, too; and the rest that is under it. */
  dirtyPages = 0;
  writebackPages = 0;
  /** Inodes that the flusher knows, by the time at which they were dirtied. */
  readonly dirtyInodes = new Set<CachedInode>();
  /** Is called when an inode becomes dirty. */
  wake: () => void = () => undefined;
  readonly #frames = new FrameTable();
  readonly #inodes: (CachedInode | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  /** Of the clean pages: the one to leave first, and the one to leave last. */
  #oldest = NONE;
  #newest = NONE;

  /** @param capacity how many pages there can be; dirty ones may pass it. */
  constructor(private capacity: number) {}

  /** All inodes that have pages. */
  *inodes(): Iterable<CachedInode> {
    for (const inode of this.#inodes) if (inode) yield inode;
  }

  /** Changes how many pages there can be; what is clean and too much leaves. */
  resize(capacity: number): void {
    this.capacity = capacity;
    this.#shrink();
  }

  isCached(inode: CachedInode, page: number): boolean {
    return this.#find(inode, page) !== NONE;
  }

  isDirty(inode: CachedInode, page: number): boolean {
    return this.dirtyFrame(inode, page) !== NONE;
  }

  /**
   * The frame of a page that is dirty; NONE otherwise.
   * @param likely a frame that had the page; then it is quick where it still has.
   */
  dirtyFrame(inode: CachedInode, page: number, likely = NONE): number {
    if (likely !== NONE && this.#isDirty(likely) && this.#frames.holds(likely, inode.slot, page))
      return likely;
    const frame = this.#find(inode, page);
    return frame !== NONE && this.#isDirty(frame) ? frame : NONE;
  }

  /** Whether a write of it is on its way. */
  isUnderWriteback(frame: number): boolean {
    return this.#state(frame) >= WRITE;
  }

  /** Makes pages dirty; the inode is on the flusher's list from `nowMs` on, if it was not. */
  dirty(inode: CachedInode, first: number, count: number, nowMs: number): void {
    this.dirtyInode(inode, nowMs);
    for (let page = first; page < first + count; page++) {
      let frame = this.#find(inode, page);
      if (frame !== NONE && this.#isDirty(frame)) continue;
      if (frame === NONE) frame = this.#insert(inode, page);
      else this.#leaveOthers(inode, frame);
      this.#frames.words[frame + STATE]! |= DIRTY;
      inode.dirtyHead = this.#link(inode.dirtyHead, frame);
      inode.dirtyPages++;
      this.dirtyPages++;
    }
  }

  /** Puts an inode on the flusher's list. */
  dirtyInode(inode: CachedInode, nowMs: number): void {
    if (inode.dirtiedMs !== undefined) return;
    inode.dirtiedMs = nowMs;
    this.dirtyInodes.add(inode);
    this.wake();
  }

  /** The flusher has been through an inode: it is off the list, or anew on it when pages are dirty. */
  passed(inode: CachedInode, nowMs: number): void {
    this.dirtyInodes.delete(inode);
    inode.dirtiedMs = undefined;
    if (inode.dirtyPages > 0) this.dirtyInode(inode, nowMs);
  }

  /** Brings a page in that was read, or takes note that it was used. @returns whether it was absent. */
  use(inode: CachedInode, page: number): boolean {
    const frame = this.#find(inode, page);
    if (frame === NONE) {
      this.#becomeClean(inode, this.#insert(inode, page));
      return true;
    }
    if (this.#isClean(frame)) {
      this.#unlinkClean(frame);
      this.#linkClean(frame);
    }
    return false;
  }

  /** A dirty page is on its way to the disk. */
  beginWrite(inode: CachedInode, frame: number): void {
    this.#leaveDirty(inode, frame);
    inode.otherHead = this.#link(inode.otherHead, frame);
    this.#frames.words[frame + STATE]! += WRITE;
    this.writebackPages++;
  }

  /** A dirty page need not be written after all. */
  clean(inode: CachedInode, frame: number): void {
    this.#leaveDirty(inode, frame);
    if (this.#isClean(frame)) {
      this.#becomeClean(inode, frame);
      return;
    }
    inode.otherHead = this.#link(inode.otherHead, frame);
    this.writebackPages++;
  }

  /** A write has arrived at the disk. */
  endWrite(frame: number): void {
    const state = (this.#frames.words[frame + STATE]! -= WRITE);
    if (state >= WRITE || state & DIRTY) return;
    this.writebackPages--;
    if (state & DETACHED) {
      this.#frames.release(frame);
      return;
    }
    this.#linkClean(frame);
    this.#shrink();
  }

  /** Drops an inode's pages from `from` on to `to - 1`, dirty or not. */
  drop(inode: CachedInode, from: number, to = Infinity): void {
    for (const head of [inode.dirtyHead, inode.otherHead])
      for (let frame = head; frame !== NONE;) {
        const next = this.#frames.words[frame + NEXT]!;
        const page = this.#frames.page(frame);
        if (page >= from && page < to) this.#drop(inode, frame);
        frame = next;
      }
    this.#leave(inode);
  }

  /** The inode's dirty pages, ascending. */
  dirtyPagesOf(inode: CachedInode): Uint32Array {
    const pages = new Uint32Array(inode.dirtyPages);
    let count = 0;
    for (let frame = inode.dirtyHead; frame !== NONE; frame = this.#frames.words[frame + NEXT]!)
      pages[count++] = this.#frames.page(frame);
    return pages.sort();
  }

  /** The same pages, and the frame of each. */
  dirtyFramesOf(inode: CachedInode): { readonly pages: Uint32Array; readonly frames: Int32Array } {
    const count = inode.dirtyPages;
    // The upper half of each is a page, the lower one its frame (memory is little-endian).
    const pairs = new BigUint64Array(count);
    const halves = new Uint32Array(pairs.buffer);
    let at = 0;
    for (let frame = inode.dirtyHead; frame !== NONE; frame = this.#frames.words[frame + NEXT]!) {
      halves[at++] = frame;
      halves[at++] = this.#frames.page(frame);
    }
    pairs.sort();
    const [pages, frames] = [new Uint32Array(count), new Int32Array(count)];
    for (let index = 0; index < count; index++) {
      frames[index] = halves[2 * index]!;
      pages[index] = halves[2 * index + 1]!;
    }
    return { pages, frames };
  }

  /** The inode's clean pages, ascending. */
  cleanPagesOf(inode: CachedInode): Uint32Array {
    const pages: number[] = [];
    for (let frame = inode.otherHead; frame !== NONE; frame = this.#frames.words[frame + NEXT]!)
      if (this.#isClean(frame)) pages.push(this.#frames.page(frame));
    return Uint32Array.from(pages).sort();
  }

  /** The inode and the page that a frame holds; undefined when the page is not its inode's any more. */
  heldBy(frame: number): { readonly inode: CachedInode; readonly page: number } | undefined {
    if (this.#state(frame) & DETACHED) return undefined;
    const inode = this.#inodes[this.#frames.slot(frame)]!;
    return { inode, page: this.#frames.page(frame) };
  }

  /** Whether a frame holds a page that is under write-back and not dirty again. */
  isOnlyWriteback(frame: number): boolean {
    const state = this.#state(frame);
    return state >= WRITE && (state & DIRTY) === 0;
  }

  #find(inode: CachedInode, page: number): number {
    return inode.slot === NONE ? NONE : this.#frames.find(inode.slot, page);
  }

  #state(frame: number): number {
    return this.#frames.words[frame + STATE]!;
  }

  #isDirty(frame: number): boolean {
    return (this.#state(frame) & DIRTY) !== 0;
  }

  #isClean(frame: number): boolean {
    return this.#state(frame) === 0;
  }

  /** Takes a frame, linked in no list. */
  #insert(inode: CachedInode, page: number): number {
    if (this.#frames.used >= this.capacity && this.#oldest !== NONE) this.#evict();
    if (inode.slot === NONE) {
      inode.slot = this.#freeSlots.pop() ?? this.#inodes.length;
      this.#inodes[inode.slot] = inode;
    }
    return this.#frames.take(inode.slot, page);
  }

  /** Gives the slot of an inode back that has no pages. */
  #leave(inode: CachedInode): void {
    if (inode.slot === NONE || inode.dirtyHead !== NONE || inode.otherHead !== NONE) return;
    this.#inodes[inode.slot] = undefined;
    this.#freeSlots.push(inode.slot);
    inode.slot = NONE;
  }

  #evict(): void {
    const inode = this.#inodes[this.#frames.slot(this.#oldest)]!;
    this.#drop(inode, this.#oldest);
    this.#leave(inode);
  }

  #shrink(): void {
    while (this.#frames.used > this.capacity && this.#oldest !== NONE) this.#evict();
  }

  #drop(inode: CachedInode, frame: number): void {
    if (this.#isDirty(frame)) {
      this.#leaveDirty(inode, frame);
      if (this.#state(frame) >= WRITE) this.writebackPages++;
    } else this.#leaveOthers(inode, frame, true);
    this.#frames.forget(frame);
    if (this.#state(frame) >= WRITE) this.#frames.words[frame + STATE]! |= DETACHED;
    else this.#frames.release(frame);
  }

  #leaveDirty(inode: CachedInode, frame: number): void {
    inode.dirtyHead = this.#unlink(inode.dirtyHead, frame);
    this.#frames.words[frame + STATE]! &= ~DIRTY;
    inode.dirtyPages--;
    this.dirtyPages--;
  }

  /** @param stays counted as under write-back, where it is. */
  #leaveOthers(inode: CachedInode, frame: number, stays = false): void {
    if (this.#isClean(frame)) this.#unlinkClean(frame);
    else if (!stays) this.writebackPages--;
    inode.otherHead = this.#unlink(inode.otherHead, frame);
  }

  #becomeClean(inode: CachedInode, frame: number): void {
    inode.otherHead = this.#link(inode.otherHead, frame);
    this.#linkClean(frame);
  }

  /** @returns the new head. */
  #link(head: number, frame: number): number {
    const { words } = this.#frames;
    words[frame + PREVIOUS] = NONE;
    words[frame + NEXT] = head;
    if (head !== NONE) words[head + PREVIOUS] = frame;
    return frame;
  }

  /** @returns the new head. */
  #unlink(head: number, frame: number): number {
    const { words } = this.#frames;
    const before = words[frame + PREVIOUS]!;
    const after = words[frame + NEXT]!;
    if (after !== NONE) words[after + PREVIOUS] = before;
    if (before === NONE) return after;
    words[before + NEXT] = after;
    return head;
  }

  #linkClean(frame: number): void {
    const { words } = this.#frames;
    words[frame + OLDER] = this.#newest;
    words[frame + NEWER] = NONE;
    if (this.#newest === NONE) this.#oldest = frame;
    else words[this.#newest + NEWER] = frame;
    this.#newest = frame;
  }

  #unlinkClean(frame: number): void {
    const { words } = this.#frames;
    const before = words[frame + OLDER]!;
    const after = words[frame + NEWER]!;
    if (before === NONE) this.#oldest = after;
    else words[before + NEWER] = after;
    if (after === NONE) this.#newest = before;
    else words[after + OLDER] = before;
  }
}
