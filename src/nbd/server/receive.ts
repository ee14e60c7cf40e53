/**
 * The server's end of a connection: what arrives is kept where it arrived, but for small pieces,
 * which would take more memory for themselves than for their bytes.
 */
import type { Duplex } from 'node:stream';
import { Inbox, pushForeign, SlabFiller } from '../inbox.js';
import { SlabPool } from '../slab.js';
import { Wire } from '../wire.js';

/** Pieces below this are copied together, in bytes. */
const SMALL = 512;
const SLAB_LENGTH = 64 * 1024;
const KEPT_SLABS = 16;

/** Slabs for small pieces, shared by the connections of a server. */
export function smallSlabs(): SlabPool {
  return new SlabPool(SLAB_LENGTH, KEPT_SLABS);
}

/** @param stream is half-open from now on: a client may end its side before it is answered. */
export function receive(stream: Duplex, name: string, pool: SlabPool): Wire {
  const inbox = new Inbox();
  const filler = new SlabFiller(pool, inbox, SMALL);
  stream.allowHalfOpen = true;
  const wire = new Wire(stream, inbox, name, () => filler.abandon());
  stream.on('data', (bytes: Uint8Array) => {
    if (wire.lost) return;
    if (bytes.length >= SMALL) {
      pushForeign(inbox, bytes);
      return;
    }
    filler.room().set(bytes);
    filler.filled(bytes.length);
  });
  return wire;
}
