/** What an NBD server serves, and the storage behind it. */
import type { PayloadPiece, StatusVisitor } from '../types.js';

/**
 * The storage behind an export. Ranges are within `size`, are aligned to the export's minimum
 * block and are never empty: the server checks them. Whatever a call throws is answered as an NBD
 * error: an {@link NbdServerError} by its number, anything else as NBD_EIO.
 */
export interface ExportStorage {
  /** In bytes; stays as it is while the export is there. */
  readonly size: number;
  /**
   * The bytes of a range, in ascending pieces without gaps. The storage leaves their memory as it
   * is from then on; the server only sends it.
   */
  read(
    offset: number,
    length: number,
    signal: AbortSignal,
  ): readonly PayloadPiece[] | Promise<readonly PayloadPiece[]>;
  /** @param data is lent until the call is over. */
  write(
    offset: number,
    data: readonly Uint8Array[],
    options: { readonly fua: boolean },
    signal: AbortSignal,
  ): void | Promise<void>;
  /**
   * @param options.mayTrim a hole may come of it.
   * @param options.fast to be refused with NBD_ENOTSUP where it is no faster than writing zeroes.
   */
  writeZeroes(
    offset: number,
    length: number,
    options: { readonly fua: boolean; readonly mayTrim: boolean; readonly fast: boolean },
    signal: AbortSignal,
  ): void | Promise<void>;
  trim(
    offset: number,
    length: number,
    options: { readonly fua: boolean },
    signal: AbortSignal,
  ): void | Promise<void>;
  /** What was answered before is on stable storage when it is over. */
  flush(signal: AbortSignal): void | Promise<void>;
  /**
   * Visits runs of a meta context, ascending and without gaps from `offset`; it may stop where
   * `visit` returns false, and may end past the range.
   */
  status(
    context: string,
    offset: number,
    length: number,
    visit: (...run: Parameters<StatusVisitor>) => boolean,
    signal: AbortSignal,
  ): void | Promise<void>;
}

/** One export of a server. */
export interface ServedExport {
  /** At most 4096 bytes of UTF-8; the empty string is the default export. */
  readonly name: string;
  readonly description?: string;
  readonly storage: ExportStorage;
  readonly readOnly: boolean;
  /** Names of the meta contexts that clients can ask for. */
  readonly metaContexts: readonly string[];
  /** A flush on one connection covers what was answered on all. */
  readonly canMultiConn: boolean;
  /** In bytes: a power of two up to 64 KiB; 1 unless told. */
  readonly minimumBlock?: number;
  /** In bytes: a power of two, 512 or more; 4096 unless told. */
  readonly preferredBlock?: number;
  /** Of one READ or WRITE, in bytes; 32 MiB unless told. */
  readonly maximumPayload?: number;
}
