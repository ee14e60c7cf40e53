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
  readonly maximumPayload: number;
  /** Names of the meta contexts that the server granted. */
  readonly metaContexts: readonly string[];
}

/** One connection to an export, ready for commands. Many may be in flight at once. */
export interface NbdConnection {
  readonly info: ExportInfo;
  /** Reads `length` bytes at `offset`. */
  read(offset: number, length: number, options?: CommandOptions): Promise<Payload>;
  /** Writes all of `data` at `offset`; the memory must stay as it is until the promise settles. */
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
  trim(offset: number, length: number, options?: CommandOptions): Promise<void>;
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
