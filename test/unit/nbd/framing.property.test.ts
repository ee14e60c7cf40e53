import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MigrascopeError } from '../../../src/base/errors.js';
import { Inbox } from '../../../src/nbd/inbox.js';
import { ReadReply } from '../../../src/nbd/read-reply.js';
import { ReplyStream } from '../../../src/nbd/reply-stream.js';
import { PlainReply, type Reply } from '../../../src/nbd/reply.js';
import { Slab } from '../../../src/nbd/slab.js';
import { StatusReply, type StatusExtents } from '../../../src/nbd/status-reply.js';
import type { Payload } from '../../../src/nbd/index.js';
import { chunk, dataChunk, holeChunk, join, pattern, statusChunk } from './support/bytes.js';

/** Counts the slabs that are still held. */
class Bench {
  held = 0;
  readonly inbox = new Inbox();
  readonly waiting = new Map<number, Reply>();
  readonly stream = new ReplyStream(
    this.inbox,
    {
      find: (cookie) => this.waiting.get(cookie),
      remove: (cookie) => this.waiting.delete(cookie),
      onError: () => undefined,
    },
    true,
    'the server',
  );

  feed(bytes: Buffer): void {
    this.held++;
    const slab = new Slab(bytes, () => this.held--);
    this.inbox.push(slab, 0, bytes.length);
    slab.release();
    this.stream.run();
  }

  read(cookie: number, offset: number, length: number): Promise<Payload> {
    return new Promise((resolve, reject) => {
      const request = { command: 0, flags: 0, offset, length };
      this.waiting.set(cookie, new ReadReply(request, 'the server', { resolve, reject }));
    });
  }
}

/** A way to answer a read: runs of data and holes, and the order in which they are sent. */
const answer = fc
  .array(
    fc.record({ length: fc.integer({ min: 1, max: 900 }), hole: fc.boolean(), key: fc.nat() }),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .chain((runs) =>
    fc.record({ runs: fc.constant(runs), offset: fc.nat(2 ** 40), emptyEnd: fc.boolean() }),
  );

type Answer = typeof answer extends fc.Arbitrary<infer T> ? T : never;

function chunksOf(cookie: number, { runs, offset, emptyEnd }: Answer): Buffer[] {
  let at = offset;
  const placed = runs.map((run) => {
    const start = at;
    at += run.length;
    return { ...run, start };
  });
  placed.sort((one, other) => one.key - other.key);
  const chunks = placed.map(({ start, length, hole }, index) => {
    const done = !emptyEnd && index === placed.length - 1;
    return hole
      ? holeChunk(cookie, done, start, length)
      : dataChunk(cookie, done, start, pattern(start, length));
  });
  return emptyEnd ? [...chunks, chunk(cookie, 0, true)] : chunks;
}

function expected({ runs, offset }: Answer): Buffer {
  let at = offset;
  return join(
    ...runs.map(({ length, hole }) => {
      const bytes = hole ? Buffer.alloc(length) : pattern(at, length);
      at += length;
      return bytes;
    }),
  );
}

/** Merges lists into one; each keeps its own order. */
function interleave<T>(lists: readonly (readonly T[])[], choices: readonly number[]): T[] {
  const rest = lists.map((list) => [...list]);
  const merged: T[] = [];
  for (let turn = 0; rest.some((list) => list.length > 0); turn++) {
    const open = rest.filter((list) => list.length > 0);
    merged.push(open[(choices[turn % choices.length] ?? 0) % open.length]!.shift()!);
  }
  return merged;
}

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % bytes.length)), bytes.length].sort(
    (a, b) => a - b,
  );
  let before = 0;
  return places.flatMap((place) => {
    const piece = bytes.subarray(before, place);
    before = place;
    return piece.length > 0 ? [piece] : [];
  });
}

describe('framing', () => {
  it('gives back what any honest server sent, however it cut, ordered and mixed it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(answer, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 30 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        async (answers, choices, cuts) => {
          const bench = new Bench();
          const reads = answers.map((given, cookie) =>
            bench.read(cookie, given.offset, expected(given).length),
          );
          const lists = answers.map((given, cookie) => chunksOf(cookie, given));
          for (const piece of cutAt(join(...interleave(lists, choices)), cuts)) bench.feed(piece);
          for (const [index, payload] of (await Promise.all(reads)).entries()) {
            const bytes = join(
              ...payload.pieces.map((piece) =>
                piece.hole ? Buffer.alloc(piece.length) : piece.data,
              ),
            );
            expect(bytes.equals(expected(answers[index]!))).toBe(true);
            expect(payload.length).toBe(bytes.length);
            payload.release();
          }
          expect(bench.inbox.length).toBe(0);
          expect(bench.held).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('holds no memory for reads that failed', () => {
    fc.assert(
      fc.property(answer, fc.nat(), fc.array(fc.nat(), { maxLength: 10 }), (given, stop, cuts) => {
        const bench = new Bench();
        bench.read(1, given.offset, expected(given).length).catch(() => undefined);
        const bytes = join(...chunksOf(1, given));
        for (const piece of cutAt(bytes.subarray(0, stop % bytes.length), cuts)) {
          if (piece.length > 0) bench.feed(piece);
        }
        bench.waiting.get(1)!.fail(new Error('lost'));
        bench.inbox.clear();
        expect(bench.held).toBe(0);
      }),
    );
  });

  it('takes extents in any fragmentation', async () => {
    const extent = fc.tuple(fc.integer({ min: 1, max: 2 ** 20 }), fc.nat(2 ** 32 - 1));
    await fc.assert(
      fc.asyncProperty(
        fc.array(extent, { minLength: 1, maxLength: 50 }),
        fc.array(fc.nat()),
        async (extents, cuts) => {
          const bench = new Bench();
          const length = extents.reduce((sum, [bytes]) => sum + bytes, 0);
          const asking = new Promise<StatusExtents>((resolve, reject) => {
            const request = { command: 7, flags: 0, offset: 0, length };
            const question = { contexts: [3], wanted: 3, exportSize: length, minimumBlock: 1 };
            bench.waiting.set(
              5,
              new StatusReply(request, 'the server', question, { resolve, reject }),
            );
          });
          for (const piece of cutAt(statusChunk(5, true, 3, extents), cuts)) bench.feed(piece);
          const { values, covered } = await asking;
          expect([...values]).toEqual(extents.flat());
          expect(covered).toBe(length);
          expect(bench.held).toBe(0);
        },
      ),
    );
  });

  it('turns any bytes into answers, waiting or a MigrascopeError, and nothing else', () => {
    const magic = fc.constantFrom(0x67446698, 0x668e33ef);
    const message = fc
      .tuple(
        magic,
        fc.nat(3),
        fc.constantFrom(0, 1, 2, 5, 0x8001, 0x8002, 0x8003, 9),
        fc.nat(4),
        fc.nat(40),
        fc.uint8Array({ maxLength: 40 }),
      )
      .map(([start, flags, type, cookie, length, body]) => {
        const header = Buffer.alloc(20);
        header.writeUInt32BE(start, 0);
        header.writeUInt16BE(flags, 4);
        header.writeUInt16BE(type, 6);
        header.writeUInt32BE(cookie, 12);
        header.writeUInt32BE(length, 16);
        return join(header, body);
      });
    const input = fc.oneof(
      fc.uint8Array({ minLength: 1 }).map((bytes) => Buffer.from(bytes)),
      fc.array(message, { minLength: 1 }).map((all) => join(...all)),
    );
    fc.assert(
      fc.property(input, (bytes) => {
        const bench = new Bench();
        bench.read(0, 0, 32).catch(() => undefined);
        const settle = { resolve: () => undefined, reject: () => undefined };
        const write = { command: 1, flags: 0, offset: 0, length: 32 };
        bench.waiting.set(1, new PlainReply(write, 'the server', settle));
        const status = { command: 7, flags: 0, offset: 0, length: 32 };
        const question = { contexts: [0], wanted: 0, exportSize: 64, minimumBlock: 1 };
        bench.waiting.set(2, new StatusReply(status, 'the server', question, settle));
        try {
          bench.feed(bytes);
        } catch (error) {
          if (!(error instanceof MigrascopeError)) throw error;
          expect(error.kind).toBe('protocol');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
