/** What both sides of an NBD connection agree on, as seen by those who use it. */

/** Bytes that came off a connection, in the pieces in which they arrived. */
export interface Payload {
  /** In bytes, holes included. */
  readonly length: number;
  /** In ascending order and without gaps; a hole is bytes that the server says are all zero, and has no data. */
  readonly pieces: readonly PayloadPiece[];
  /** Gives the memory back to the connection's pool; `pieces` must not be read after it. Once. */
  release(): void;
}

export type PayloadPiece =
  | { readonly hole: false; readonly data: Uint8Array }
  | { readonly hole: true; readonly length: number };

/** Is called for each extent of a meta context, ascending; `flags` as the context defines them. */
export type StatusVisitor = (offset: number, length: number, flags: number) => void;

/** What a server states of an export (NBD specification, "Transmission flags" and NBD_INFO_BLOCK_SIZE). */
export interface ExportInfo {
  /** In bytes. */
  readonly size: number;
  readonly readOnly: boolean;
  readonly canFlush: boolean;
  readonly canFua: boolean;
  readonly canTrim: boolean;
  readonly canWriteZeroes: boolean;
  readonly canFastZero: boolean;
  readonly canDontFragment: boolean;
  /** A flush on one connection covers writes that were answered on all. */
  readonly canMultiConn: boolean;
  readonly minimumBlock: number;
  readonly preferredBlock: number;
  /** Of one READ or WRITE, in bytes; at most 32 MiB, whatever the server states. */
  readonly maximumPayload: number;
  /** Replies come in chunks: reads tell holes, and `blockStatus` is possible. */
  readonly structuredReplies: boolean;
  /** Names of the meta contexts that the server granted. */
  readonly metaContexts: readonly string[];
}

/**
 * One connection to an export, ready for commands. Many may be in flight at once; how many is the
 * caller's business, and so is the memory that their payloads take.
 *
 * Every command rejects with
 * - LimitError when it passes a limit that the server stated (range, alignment, payload),
 * - UsageError when the export can't do it (read-only, no such command or context),
 * - NbdCommandError when the server failed it,
 * - ProtocolError when the server broke the protocol: this ends the connection,
 * - ConnectionLostError when the connection has ended, from whichever side,
 * - CancelledError when its signal aborted.
 */
export interface NbdConnection {
  readonly info: ExportInfo;
  /** Reads `length` bytes at `offset`, 1 to `maximumPayload`. */
  read(offset: number, length: number, options?: ReadOptions): Promise<Payload>;
  /**
   * Writes all of `data` at `offset`; the memory must stay as it is until the promise settles.
   * For that reason an aborted write rejects once its bytes have left; when they can't leave
   * within a second, the connection is destroyed.
   */
  write(
    offset: number,
    data: readonly Uint8Array[],
    options?: CommandOptions & { readonly fua?: boolean },
  ): Promise<void>;
  /** @param options.mayTrim leaves the server free to punch a hole (it is told NO_HOLE otherwise). */
  writeZeroes(
    offset: number,
    length: number,
    options?: CommandOptions & { readonly fua?: boolean; readonly mayTrim?: boolean },
  ): Promise<void>;
  /** Says that nobody needs these bytes any more; what they read as afterwards is not known. */
  trim(
    offset: number,
    length: number,
    options?: CommandOptions & { readonly fua?: boolean },
  ): Promise<void>;
  /** Resolves when all that was answered before is on stable storage (`canMultiConn`: on any connection). */
  flush(options?: CommandOptions): Promise<void>;
  /** Visits the extents of the granted meta context over the whole range, in as many requests as it takes. */
  blockStatus(
    context: string,
    offset: number,
    length: number,
    visit: StatusVisitor,
    options?: CommandOptions,
  ): Promise<void>;
  /** Ends the connection in order (NBD_CMD_DISC); what is in flight settles first. Idempotent; never throws. */
  close(): Promise<void>;
  /** Ends the connection at once; what is in flight rejects. */
  destroy(error?: Error): void;
}

export interface CommandOptions {
  /** Aborting rejects the call at once; the server's answer, when it comes, is dropped. */
  readonly signal?: AbortSignal;
}

export interface ReadOptions extends CommandOptions {
  /**
   * Asks for one run of data, with zeroes in place of holes, where `canDontFragment`; it saves the
   * server the search for holes. Without it, or where the server can't, holes come as such.
   */
  readonly dontFragment?: boolean;
}
