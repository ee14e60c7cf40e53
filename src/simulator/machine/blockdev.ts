/** Opening block nodes, as blockdev-add describes them. */
import { refusal } from '../qmp/index.js';
import type { Image } from '../types.js';
import { bool, int, oneOf, optional, size, str, stringOr, struct, union } from '../qmp/types.js';
import type { ValueOf } from '../qmp/types.js';
import type { BlockGraph } from './block-graph.js';
import { BlockNode } from './block-node.js';
import type { MakeImage, SimulatedFiles } from './files.js';

const base = {
  driver: oneOf('file', 'host_device', 'null-co', 'qcow2', 'raw'),
  'node-name': optional(str),
  discard: optional(oneOf('ignore', 'unmap')),
  cache: optional(struct({ direct: optional(bool), 'no-flush': optional(bool) })),
  'read-only': optional(bool),
  'auto-read-only': optional(bool),
  'force-share': optional(bool),
  'detect-zeroes': optional(oneOf('off', 'on', 'unmap')),
};

const ofFile = {
  filename: str,
  aio: optional(oneOf('threads', 'native', 'io_uring')),
  locking: optional(oneOf('on', 'off', 'auto')),
};

/** Of a node that has no other below it. */
const protocolOptions = union(base, 'driver', {
  file: ofFile,
  host_device: ofFile,
  'null-co': { size: optional(int), 'read-zeroes': optional(bool) },
});

/** A node's name, or what it is. */
export const blockdevRef = stringOr('BlockdevRef', protocolOptions);

/** QAPI `BlockdevOptions`, for the drivers that there are here. */
export const blockdevOptions = union(base, 'driver', {
  file: ofFile,
  host_device: ofFile,
  'null-co': { size: optional(int), 'read-zeroes': optional(bool) },
  raw: { file: blockdevRef, offset: optional(int), size: optional(int) },
  qcow2: { file: blockdevRef },
});

export type BlockdevOptions = ValueOf<typeof blockdevOptions>;
type ProtocolOptions = ValueOf<typeof protocolOptions>;
type FormatOptions = Extract<BlockdevOptions, { driver: 'raw' | 'qcow2' }>;

/** Of a node of driver null-co whose size nobody gave, in bytes. */
const NULL_SIZE = 1024 ** 3;

export class Opener {
  constructor(
    private readonly graph: BlockGraph,
    private readonly files: SimulatedFiles,
    private readonly createImage: MakeImage,
  ) {}

  /** As blockdev-add. @throws QmpCommandError; nothing is left then. */
  add(options: BlockdevOptions): BlockNode {
    if (options['node-name'] === undefined) {
      throw refusal("'node-name' must be specified for the root node");
    }
    if (options.driver !== 'raw' && options.driver !== 'qcow2') {
      return this.#openProtocol(options, true);
    }
    return this.#openFormat(options);
  }

  #openFormat(options: FormatOptions): BlockNode {
    const child = this.#child(options);
    try {
      const image = this.#imageOf(options, child);
      return this.#make({
        ...this.#common(options, true),
        image,
        size: options.driver === 'raw' ? rawSize(options, image) : image.size,
        driver: options.driver,
        filename: child.options.filename,
        child,
        passesOffsets: options.driver === 'raw',
      });
    } catch (error) {
      if (!child.options.monitorOwned && child.users.length === 0) this.graph.remove(child);
      throw error;
    }
  }

  #child({ file, ...options }: FormatOptions): BlockNode {
    if (typeof file === 'string') return this.graph.lookUp(file, 'node only');
    const inherited = { 'read-only': options['read-only'] ?? false };
    return this.#openProtocol({ ...inherited, ...file }, false);
  }

  #imageOf({ driver }: FormatOptions, child: BlockNode): Image {
    if (driver === 'raw') return child.options.image;
    const image = child.options.file?.opened.qcow2;
    if (!image) throw refusal('Image is not in qcow2 format');
    return image;
  }

  #openProtocol(options: ProtocolOptions, monitorOwned: boolean): BlockNode {
    const common = this.#common(options, monitorOwned);
    if (options.driver === 'null-co') {
      const image = this.createImage({ size: options.size ?? NULL_SIZE, seed: 0 });
      const rest = { driver: options.driver, filename: 'null-co://', passesOffsets: false };
      return this.#make({ ...common, image, size: image.size, ...rest });
    }
    const { filename } = options;
    const opened = this.files.open(filename);
    if (options.driver === 'host_device') {
      throw refusal(
        `'host_device' driver requires '${filename}' to be either a character or block device`,
      );
    }
    const { image } = opened;
    return this.#make({
      ...common,
      image,
      size: image.size,
      driver: options.driver,
      filename,
      file: { of: this.files, opened },
      passesOffsets: false,
    });
  }

  #common(options: BlockdevOptions, monitorOwned: boolean) {
    const name = options['node-name'];
    if (name !== undefined) this.graph.checkName(name);
    return {
      name: name ?? this.graph.makeName(),
      readOnly: options['read-only'] ?? false,
      direct: options.cache?.direct ?? false,
      noFlush: options.cache?.['no-flush'] ?? false,
      detectZeroes: options['detect-zeroes'] ?? 'off',
      discard: options.discard ?? 'ignore',
      monitorOwned,
    };
  }

  #make(options: BlockNode['options']): BlockNode {
    const node = new BlockNode(options);
    this.graph.add(node);
    return node;
  }
}

/** @throws QmpCommandError when the file does not hold so much. */
function rawSize(
  { offset = 0, size: wanted }: Extract<FormatOptions, { driver: 'raw' }>,
  image: Image,
): number {
  if (offset !== 0) throw refusal('The simulated machine opens raw images at offset 0 only');
  if (wanted === undefined) return image.size;
  if (wanted > image.size) {
    throw refusal(
      `The sum of offset (${offset}) and size (${wanted}) has to be smaller or equal to the  actual size of the containing file (${image.size})`,
    );
  }
  if (wanted % 512 !== 0) throw refusal('Specified size is not multiple of 512');
  return wanted;
}

/** QAPI `BlockdevCreateOptions`, for the drivers that there are here. */
export const createOptions = union({ driver: oneOf('file', 'qcow2') }, 'driver', {
  file: { filename: str, size, preallocation: optional(oneOf('off')) },
  qcow2: { file: blockdevRef, size, version: optional(oneOf('v2', 'v3')) },
});
