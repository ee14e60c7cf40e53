/** One node of the block graph: an image as somebody sees it, with its dirty bitmaps and its users. */
import type { PayloadPiece } from '../../nbd/types.js';
import { refusal } from '../qmp/index.js';
import { PAGE_BYTES } from '../guest/types.js';
import type { Image } from '../types.js';
import type { DirtyBitmap } from './dirty-bitmap.js';
import type { SimulatedFile, SimulatedFiles } from './files.js';
import {
  ALL_PERMISSIONS,
  CONSISTENT_READ,
  RESIZE,
  WRITE,
  WRITE_UNCHANGED,
  cumulative,
  requireNoConflict,
} from './permissions.js';
import type { NodeUser } from './permissions.js';

export type Driver = 'raw' | 'qcow2' | 'file' | 'null-co';

export interface NodeOptions {
  readonly name: string;
  readonly driver: Driver;
  readonly image: Image;
  /** In bytes; that of the image, or less. */
  readonly size: number;
  readonly readOnly: boolean;
  /** Of the file below it. */
  readonly filename: string;
  readonly direct: boolean;
  readonly noFlush: boolean;
  readonly detectZeroes: 'off' | 'on' | 'unmap';
  /** What becomes of bytes that nobody needs: with `unmap` they are holes. */
  readonly discard: 'ignore' | 'unmap';
  /** Whether whoever asked for it must ask for its end; otherwise it ends with its parent. */
  readonly monitorOwned: boolean;
  /** The node below it. */
  readonly child?: BlockNode;
  /** Of a node of driver `file`. */
  readonly file?: { readonly of: SimulatedFiles; readonly opened: SimulatedFile };
  /** Whether its offsets are those of the node below. */
  readonly passesOffsets: boolean;
}

export class BlockNode {
  /** The newest first. */
  #users: readonly NodeUser[] = [];
  #bitmaps: readonly DirtyBitmap[] = [];
  #recording: readonly DirtyBitmap[] = [];
  #ownUser: NodeUser | undefined;
  /** Why operations on it are refused. */
  readonly blockers = new Set<string>();
  /** Gets whatever is written to this one. */
  mirror: BlockNode | undefined;

  /** @throws QmpCommandError when its file is not to be had. */
  constructor(readonly options: NodeOptions) {
    this.#propagate([]);
  }

  get name(): string {
    return this.options.name;
  }

  get size(): number {
    return this.options.size;
  }

  get readOnly(): boolean {
    return this.options.readOnly;
  }

  get users(): readonly NodeUser[] {
    return this.#users;
  }

  /** Whether a device, an export or the like has it, as opposed to a node or a job. */
  get hasBackend(): boolean {
    return this.#users.some(({ kind }) => kind === 'block-backend');
  }

  /** The newest first. */
  get bitmaps(): readonly DirtyBitmap[] {
    return this.#bitmaps;
  }

  findBitmap(name: string): DirtyBitmap | undefined {
    return this.#bitmaps.find((bitmap) => bitmap.name === name);
  }

  addBitmap(bitmap: DirtyBitmap): void {
    this.#bitmaps = [bitmap, ...this.#bitmaps];
    this.#recording = this.#bitmaps.filter(({ recording }) => recording);
  }

  removeBitmap(bitmap: DirtyBitmap): void {
    this.#bitmaps = this.#bitmaps.filter((other) => other !== bitmap);
    this.#recording = this.#bitmaps.filter(({ recording }) => recording);
  }

  setRecording(bitmap: DirtyBitmap, recording: boolean): void {
    bitmap.recording = recording;
    this.#recording = this.#bitmaps.filter((each) => each.recording);
  }

  /** @throws QmpCommandError when the new user conflicts with another one. */
  attach(...added: readonly NodeUser[]): void {
    this.#setUsers([...added, ...this.#users]);
  }

  detach(...gone: readonly NodeUser[]): void {
    this.#setUsers(this.#users.filter((user) => !gone.includes(user)));
  }

  /** Ends its use of what is below it; nobody uses it any more. */
  close(): void {
    const { child, file } = this.options;
    if (this.#ownUser) child?.detach(this.#ownUser);
    file?.of.unlock(this);
  }

  read(offset: number, length: number): readonly PayloadPiece[] {
    return this.options.image.read(offset, length);
  }

  write(offset: number, data: readonly Uint8Array[]): void {
    this.options.image.write(offset, data);
    const length = data.reduce((sum, part) => sum + part.length, 0);
    this.#mark(offset, length);
    this.mirror?.write(offset, data);
  }

  /** Nobody needs these bytes any more. */
  trim(offset: number, length: number): void {
    if (this.options.discard === 'unmap') this.zero(offset, length, true);
    else this.#mark(offset, length);
  }

  zero(offset: number, length: number, mayTrim: boolean): void {
    const hole = mayTrim && this.options.discard === 'unmap';
    this.options.image.zero(offset, length, hole);
    this.#mark(offset, length);
    this.mirror?.zero(offset, length, mayTrim);
  }

  /** The guest's content, in pages; called for every write of the guest. */
  stamp(first: number, count: number, version: number): void {
    this.options.image.stamp(first, count, version);
    this.#mark(first * PAGE_BYTES, count * PAGE_BYTES);
    this.mirror?.stamp(first, count, version);
  }

  #mark(offset: number, length: number): void {
    const recording = this.#recording;
    for (const bitmap of recording) bitmap.mark(offset, length);
    const { child, passesOffsets } = this.options;
    if (child && passesOffsets) child.#mark(offset, length);
  }

  #setUsers(users: readonly NodeUser[]): void {
    requireNoConflict(this.name, users);
    this.#propagate(users);
    this.#users = users;
  }

  /** Says below what it needs for these users. */
  #propagate(users: readonly NodeUser[]): void {
    const needs = cumulative(users);
    if (this.readOnly && (needs.permissions & (WRITE | WRITE_UNCHANGED)) !== 0) {
      throw refusal('Block node is read-only');
    }
    const { child, file } = this.options;
    if (file) file.of.lock(this, file.opened, needs.permissions, needs.shared);
    if (!child) return;
    const own = this.#needsOfChild(needs.permissions, needs.shared);
    const others = child.users.filter((user) => user !== this.#ownUser);
    child.#setUsers([own, ...others]);
    this.#ownUser = own;
  }

  #needsOfChild(permissions: number, shared: number): NodeUser {
    const format = this.options.driver === 'qcow2';
    const writes = format && !this.readOnly ? WRITE | RESIZE : 0;
    const whole = this.size === this.options.child!.size;
    const kept = format ? WRITE | RESIZE : whole ? 0 : RESIZE;
    return {
      description: `node '${this.name}'`,
      role: 'file',
      permissions: permissions | writes | (format ? CONSISTENT_READ : 0),
      shared: shared & ALL_PERMISSIONS & ~kept,
      kind: 'block-driver',
      name: this.name,
    };
  }
}
