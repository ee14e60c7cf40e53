/** An export as clients are told of it: checked, with what holds unless told filled in. */
import { LimitError, UsageError } from '../../base/errors.js';
import type { SizeConstraints } from '../limits.js';
import {
  DEFAULT_MAXIMUM_PAYLOAD,
  DEFAULT_MINIMUM_BLOCK,
  DEFAULT_PREFERRED_BLOCK,
  LARGEST_MINIMUM_BLOCK,
  MAXIMUM_STRING,
  NBD_FLAG_CAN_MULTI_CONN,
  NBD_FLAG_HAS_FLAGS,
  NBD_FLAG_READ_ONLY,
  NBD_FLAG_SEND_CACHE,
  NBD_FLAG_SEND_DF,
  NBD_FLAG_SEND_FAST_ZERO,
  NBD_FLAG_SEND_FLUSH,
  NBD_FLAG_SEND_FUA,
  NBD_FLAG_SEND_TRIM,
  NBD_FLAG_SEND_WRITE_ZEROES,
  SMALLEST_PREFERRED_BLOCK,
} from '../protocol.js';
import type { ExportStorage, ServedExport } from './types.js';

const ALWAYS = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA | NBD_FLAG_SEND_CACHE;
const WRITABLE = NBD_FLAG_SEND_TRIM | NBD_FLAG_SEND_WRITE_ZEROES | NBD_FLAG_SEND_FAST_ZERO;

/** "Metadata querying": a namespace, a colon and a leaf-name. */
const CONTEXT_NAME = /^[^\s:]+:.+$/su;

export class OfferedExport {
  readonly name: string;
  readonly description: string;
  readonly storage: ExportStorage;
  /** In bytes; as it was when the export was added. */
  readonly size: number;
  readonly readOnly: boolean;
  readonly metaContexts: readonly string[];
  readonly constraints: SizeConstraints;

  /**
   * @throws UsageError when a name can't be one.
   * @throws LimitError when the size or a size constraint is outside of what the protocol allows.
   */
  constructor(readonly given: ServedExport) {
    this.name = given.name;
    this.description = given.description ?? '';
    this.storage = given.storage;
    this.size = given.storage.size;
    this.readOnly = given.readOnly;
    this.metaContexts = [...given.metaContexts];
    const minimumBlock = given.minimumBlock ?? DEFAULT_MINIMUM_BLOCK;
    this.constraints = {
      minimumBlock,
      preferredBlock: given.preferredBlock ?? Math.max(DEFAULT_PREFERRED_BLOCK, minimumBlock),
      maximumPayload: given.maximumPayload ?? DEFAULT_MAXIMUM_PAYLOAD,
    };
    this.#checkNames();
    this.#checkSizes();
  }

  /** "Transmission flags", for a client that did or did not negotiate structured replies. */
  flags(structured: boolean): number {
    return (
      ALWAYS |
      (this.readOnly ? NBD_FLAG_READ_ONLY : WRITABLE) |
      (this.given.canMultiConn ? NBD_FLAG_CAN_MULTI_CONN : 0) |
      (structured ? NBD_FLAG_SEND_DF : 0)
    );
  }

  #checkNames(): void {
    const { metaContexts } = this;
    for (const text of [this.name, this.description, ...metaContexts]) {
      if (isString(text)) continue;
      throw new UsageError(`The export ${quote(this.name)} can't have the name ${quote(text)}.`, {
        hint: `A string of NBD is at most ${MAXIMUM_STRING} bytes of UTF-8, without NUL.`,
      });
    }
    for (const context of metaContexts) {
      if (CONTEXT_NAME.test(context)) continue;
      throw new UsageError(
        `The export ${quote(this.name)} can't have the meta context ${quote(context)}.`,
        { hint: "A meta context's name is NAMESPACE:NAME." },
      );
    }
    if (new Set(metaContexts).size !== metaContexts.length) {
      throw new UsageError(`The export ${quote(this.name)} names a meta context twice.`);
    }
  }

  #checkSizes(): void {
    const { size } = this;
    const { minimumBlock, preferredBlock, maximumPayload } = this.constraints;
    const refuse = (what: string): LimitError =>
      new LimitError(`The export ${quote(this.name)} can't have ${what}.`);
    if (!isPowerOfTwo(minimumBlock) || minimumBlock > LARGEST_MINIMUM_BLOCK) {
      throw refuse(`a minimum block of ${minimumBlock} bytes`);
    }
    if (
      !isPowerOfTwo(preferredBlock) ||
      preferredBlock < Math.max(minimumBlock, SMALLEST_PREFERRED_BLOCK) ||
      preferredBlock > DEFAULT_MAXIMUM_PAYLOAD
    ) {
      throw refuse(`a preferred block of ${preferredBlock} bytes`);
    }
    const fits = maximumPayload >= preferredBlock && maximumPayload <= DEFAULT_MAXIMUM_PAYLOAD;
    if (!Number.isInteger(maximumPayload) || !fits) {
      throw refuse(`a maximum payload of ${maximumPayload} bytes`);
    }
    if (!Number.isSafeInteger(size) || size < 0 || size % minimumBlock !== 0) {
      throw refuse(`${size} bytes in blocks of ${minimumBlock}`);
    }
  }
}

function isString(text: string): boolean {
  const bytes = Buffer.from(text);
  return bytes.length <= MAXIMUM_STRING && !bytes.includes(0) && bytes.toString() === text;
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

/** A name in a message: quoted, and cut where it is long. */
export function quote(name: string): string {
  const longest = 80;
  return JSON.stringify(name.length > longest ? `${name.slice(0, longest)}…` : name);
}
