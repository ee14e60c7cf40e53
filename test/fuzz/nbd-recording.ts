/** What a recorded NBD session was asked for, so that a fuzzed one asks the same. */
import type { NbdConnection } from '../../src/nbd/index.js';
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
): Promise<unknown>[] {
  return operations.map((operation) => start(connection, operation));
}

async function start(connection: NbdConnection, operation: Operation): Promise<void> {
  switch (operation.do) {
    case 'read': {
      const { offset, length, whole = false } = operation;
      const payload = await connection.read(offset, length, { dontFragment: whole });
      const held = payload.pieces.reduce(
        (sum, piece) => sum + (piece.hole ? piece.length : piece.data.length),
        0,
      );
      payload.release();
      if (held !== length) throw new Error(`A read of ${length} bytes gave ${held}.`);
      return;
    }
    case 'write':
      return connection.write(operation.offset, [Buffer.alloc(operation.length, 'w')]);
    case 'zeroes':
      return connection.writeZeroes(operation.offset, operation.length);
    case 'trim':
      return connection.trim(operation.offset, operation.length);
    case 'flush':
      return connection.flush();
    case 'status': {
      const { context, offset, length } = operation;
      let next = offset;
      await connection.blockStatus(context, offset, length, (at, extent) => {
        if (at !== next || extent < 1) throw new Error(`An extent at ${at} instead of ${next}.`);
        next += extent;
      });
      if (next !== offset + length) throw new Error(`Extents end at ${next}.`);
    }
  }
}
