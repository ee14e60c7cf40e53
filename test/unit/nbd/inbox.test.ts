import { describe, expect, it } from 'vitest';
import { Inbox, pushForeign, SlabFiller } from '../../../src/nbd/inbox.js';
import { Slab, SlabPool } from '../../../src/nbd/slab.js';

describe('a pool of slabs', () => {
  it('gives the slab first that came back last', () => {
    const pool = new SlabPool(16, 2);
    const slabs = [pool.take(), pool.take(), pool.take()];
    for (const slab of slabs) slab.release();
    expect(pool.free).toBe(2);
    expect(pool.take()).toBe(slabs[1]);
    expect(pool.take()).toBe(slabs[0]);
    expect(slabs).not.toContain(pool.take());
  });

  it('gets a slab back when the last reference is gone', () => {
    const pool = new SlabPool(16);
    const slab = pool.take();
    slab.retain();
    slab.release();
    expect(pool.free).toBe(0);
    slab.release();
    expect(pool.free).toBe(1);
    expect(() => slab.release()).toThrow('released more often than retained');
  });
});

describe('an inbox', () => {
  function filled(...pieces: string[]): Inbox {
    const inbox = new Inbox();
    for (const piece of pieces) pushForeign(inbox, Buffer.from(piece));
    return inbox;
  }

  it('shows bytes where they lie, and puts together what lies apart', () => {
    const inbox = filled('abc', 'd', 'efgh');
    expect(inbox.require(2)).toBe(true);
    expect(inbox.memory.toString('latin1', inbox.at, inbox.at + 2)).toBe('ab');
    expect(inbox.require(6)).toBe(true);
    expect(inbox.memory.toString('latin1', inbox.at, inbox.at + 6)).toBe('abcdef');
    expect(inbox.require(9)).toBe(false);
    expect(inbox.length).toBe(8);
  });

  it('puts together more than it had room for', () => {
    const inbox = filled('x'.repeat(60), 'y'.repeat(60));
    expect(inbox.require(120)).toBe(true);
    expect(inbox.memory.toString('latin1', inbox.at, inbox.at + 120)).toMatch(/^x{60}y{60}$/);
  });

  it('moves bytes in the pieces in which they came, each with a reference', () => {
    const inbox = filled('abc', 'defg');
    const taken: [string, Slab][] = [];
    const count = inbox.move(5, (slab, start, end) => {
      taken.push([slab.memory.toString('latin1', start, end), slab]);
    });
    expect(count).toBe(5);
    expect(taken.map(([text]) => text)).toEqual(['abc', 'de']);
    expect(inbox.length).toBe(2);
    inbox.clear();
    expect(inbox.length).toBe(0);
    for (const [, slab] of taken) {
      slab.release();
      expect(() => slab.release()).toThrow();
    }
  });

  it('holds a slab once for bytes that follow each other in it', () => {
    let reclaimed = 0;
    const slab = new Slab(Buffer.from('abcdef'), () => reclaimed++);
    const inbox = new Inbox();
    inbox.push(slab, 0, 2);
    inbox.push(slab, 2, 5);
    inbox.push(slab, 5, 5);
    slab.release();
    const pieces: string[] = [];
    inbox.move(9, (from, start, end) => {
      pieces.push(from.memory.toString('latin1', start, end));
      from.release();
    });
    expect(pieces).toEqual(['abcde']);
    expect(reclaimed).toBe(1);
  });
});

describe('a filler', () => {
  it('fills a slab to its end, then takes another, and gives the first back when it was read', () => {
    const pool = new SlabPool(10);
    const inbox = new Inbox();
    const filler = new SlabFiller(pool, inbox, 4);
    let arrivals = 0;
    inbox.onArrival = () => arrivals++;
    const first = filler.room();
    expect(first).toHaveLength(10);
    expect(filler.room().byteOffset).toBe(first.byteOffset);
    filler.filled(5);
    expect(filler.room()).toHaveLength(5);
    filler.filled(2);
    const second = filler.room();
    expect(second).toHaveLength(10);
    expect(second.buffer).not.toBe(first.buffer);
    expect(pool.free).toBe(0);
    inbox.skip(7);
    expect(pool.free).toBe(1);
    filler.filled(1);
    expect(arrivals).toBe(3);
    expect(inbox.length).toBe(1);
  });

  it('does not give a slab back that the system may still write to', () => {
    const pool = new SlabPool(10);
    const filler = new SlabFiller(pool, new Inbox(), 4);
    filler.room();
    filler.abandon();
    expect(pool.free).toBe(0);
    expect(() => filler.filled(1)).toThrow('No room was asked for');
  });
});
