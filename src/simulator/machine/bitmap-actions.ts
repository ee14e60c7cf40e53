/**
 * What commands do with dirty bitmaps, each in a form that a transaction can take back: it is done
 * at once, and then either committed or aborted.
 */
import { refusal } from '../qmp/index.js';
import type { BlockGraph } from './block-graph.js';
import type { BlockNode } from './block-node.js';
import { DirtyBitmap, LONGEST_BITMAP_NAME } from './dirty-bitmap.js';

/** Something that was done. */
export interface Done {
  commit?(): void;
  abort?(): void;
}

export interface BitmapName {
  readonly node: string;
  readonly name: string;
}

export interface BitmapAddition extends BitmapName {
  /** In bytes. */
  readonly granularity?: number;
  readonly persistent?: boolean;
  readonly disabled?: boolean;
}

export interface BitmapMerge {
  readonly node: string;
  readonly target: string;
  readonly bitmaps: readonly (string | BitmapName)[];
}

/** Without a granularity, in bytes. */
const DEFAULT_GRANULARITY = 64 * 1024;

interface Found {
  readonly node: BlockNode;
  readonly bitmap: DirtyBitmap;
}

/** Each throws QmpCommandError, and has then done nothing. */
export class BitmapActions {
  constructor(private readonly graph: BlockGraph) {}

  /** @throws QmpCommandError when there is no such node, or no such bitmap on it. */
  find({ node: nodeName, name }: BitmapName): Found {
    const node = this.graph.find(nodeName);
    if (!node) throw refusal(`Node '${nodeName}' not found`);
    const bitmap = node.findBitmap(name);
    if (!bitmap) throw refusal(`Dirty bitmap '${name}' not found`);
    return { node, bitmap };
  }

  add(args: BitmapAddition): Done {
    const { name, granularity = DEFAULT_GRANULARITY, persistent = false } = args;
    if (name === '') throw refusal('Bitmap name cannot be empty');
    const node = this.graph.lookUp(args.node, 'or device');
    if (granularity < 512 || !Number.isInteger(Math.log2(granularity))) {
      throw refusal('Granularity must be power of 2 and at least 512');
    }
    if (persistent && node.options.driver !== 'qcow2') {
      throw refusal(`Can't store persistent bitmaps to ${node.name}: Operation not supported`);
    }
    if (node.findBitmap(name)) throw refusal(`Bitmap already exists: ${name}`);
    if (Buffer.byteLength(name) > LONGEST_BITMAP_NAME) {
      throw refusal(`Bitmap name too long: ${name}`);
    }
    const bitmap = new DirtyBitmap(name, node.size, granularity, persistent);
    bitmap.recording = !(args.disabled ?? false);
    node.addBitmap(bitmap);
    return { abort: () => node.removeBitmap(bitmap) };
  }

  /** It is busy until it is committed. */
  remove(name: BitmapName): Done {
    const { node, bitmap } = this.find(name);
    bitmap.requireFree();
    bitmap.users += 1;
    return {
      commit: () => node.removeBitmap(bitmap),
      abort: () => void (bitmap.users -= 1),
    };
  }

  clear(name: BitmapName): Done {
    const { bitmap } = this.find(name);
    bitmap.requireFree();
    const held = bitmap.clear();
    return { abort: () => bitmap.restore(held) };
  }

  enable(name: BitmapName): Done {
    return this.#setRecording(name, true);
  }

  disable(name: BitmapName): Done {
    return this.#setRecording(name, false);
  }

  merge({ node: nodeName, target, bitmaps }: BitmapMerge): Done {
    const { node, bitmap } = this.find({ node: nodeName, name: target });
    const held = bitmap.backup();
    try {
      for (const source of bitmaps) this.#mergeOne(bitmap, this.#mergeSource(node, source));
    } catch (error) {
      bitmap.restore(held);
      throw error;
    }
    return { abort: () => bitmap.restore(held) };
  }

  #mergeSource(node: BlockNode, source: string | BitmapName): DirtyBitmap {
    if (typeof source !== 'string') return this.find(source).bitmap;
    const bitmap = node.findBitmap(source);
    if (!bitmap) throw refusal(`Dirty bitmap '${source}' not found`);
    return bitmap;
  }

  #mergeOne(target: DirtyBitmap, source: DirtyBitmap): void {
    target.requireFree();
    source.requireFree();
    if (source.size !== target.size) {
      throw refusal(
        `Bitmaps are of different sizes (destination size is ${target.size}, source size is ${source.size}) and can't be merged`,
      );
    }
    target.merge(source);
  }

  #setRecording(name: BitmapName, recording: boolean): Done {
    const { node, bitmap } = this.find(name);
    bitmap.requireFree();
    const before = bitmap.recording;
    node.setRecording(bitmap, recording);
    return { abort: () => node.setRecording(bitmap, before) };
  }
}

/** Does all of them or none: what was done is taken back, the last first, when one is refused. */
export function transaction(actions: readonly (() => Done)[]): void {
  const done: Done[] = [];
  try {
    for (const action of actions) done.push(action());
  } catch (error) {
    for (const each of done.reverse()) each.abort?.();
    throw error;
  }
  for (const each of done) each.commit?.();
}
