/** What a recorded NBD session was asked for, so that a fuzzed one asks the same. */
import type { CommandOptions, NbdConnection } from '../../src/nbd/index.js';
import type { Recording } from './recording.js';

/** A command, as it is given to a connection. */
export type Operation =
  | { readonly do: 'read'; readonly offset: number; readonly length: number; readonly whole?: true }
  | {
      readonly do: 'write' | 'zeroes' | 'trim';
      readonly offset: number;
      readonly length: number;
    }
  | { readonly do: 'flush' }
  | {
      readonly do: 'status';
      readonly context: string;
      readonly offset: number;
      readonly length: number;
    };

export interface NbdRecording extends Recording {
  readonly exportName: string;
  readonly metaContexts?: readonly string[];
  readonly structuredReplies?: boolean;
  /** All at once, as soon as the handshake is over. */
  readonly operations: readonly Operation[];
  /** How many of the turns, of both sides, are the handshake. */
  readonly handshakeTurns: number;
}

/** Starts all at once: cookies are counted from 1, in this order. */
export function startOperations(
  connection: NbdConnection,
  operations: readonly Operation[],
  signal?: AbortSignal,
): Promise<unknown>[] {
  const options = signal ? { signal } : {};
  return operations.map((operation) => start(connection, operation, options));
}

async function start(
  connection: NbdConnection,
  operation: Operation,
  options: CommandOptions,
): Promise<void> {
  switch (operation.do) {
    case 'read': {
      const { offset, length, whole = false } = operation;
      const payload = await connection.read(offset, length, {
        ...options,
        dontFragment: whole,
      });
      const held = payload.pieces.reduce(
        (sum, piece) => sum + (piece.hole ? piece.length : piece.data.length),
        0,
      );
      payload.release();
      if (held !== length) throw new Error(`A read of ${length} bytes gave ${held}.`);
      return;
    }
    case 'write':
      return connection.write(operation.offset, [Buffer.alloc(operation.length, 'w')], options);
    case 'zeroes':
      return connection.writeZeroes(operation.offset, operation.length, options);
    case 'trim':
      return connection.trim(operation.offset, operation.length, options);
    case 'flush':
      return connection.flush(options);
    case 'status': {
      const { context, offset, length } = operation;
      let next = offset;
      const visit = (at: number, extent: number) => {
        if (at !== next || extent < 1) throw new Error(`An extent at ${at} instead of ${next}.`);
        next += extent;
      };
      await connection.blockStatus(context, offset, length, visit, options);
      if (next !== offset + length) throw new Error(`Extents end at ${next}.`);
    }
  }
}
