import { describe, expect, it } from 'vitest';
import type { NbdConnection } from '../../../src/nbd/index.js';
import {
  chunk,
  dataChunk,
  errorChunk,
  errorOffsetChunk,
  holeChunk,
  join,
  pattern,
  simpleReply,
  statusChunk,
  u16,
  u32,
  u64,
} from './support/bytes.js';
import { connected, rejection, type FakeExport } from './support/fake-server.js';

type Ask = (client: NbdConnection) => Promise<unknown>;
type Offence = [offence: string, reply: (cookie: number) => Buffer, said: string];

const READ: Ask = (client) => client.read(1024, 1024);
const PLAIN_READ: Ask = (client) => client.read(0, 512);
const UNFRAGMENTED: Ask = (client) => client.read(1024, 1024, { dontFragment: true });
const WRITE: Ask = (client) => client.write(0, [Buffer.alloc(512)]);
const FLUSH: Ask = (client) => client.flush();
const STATUS: Ask = (client) => client.blockStatus('base:allocation', 0, 4096, () => undefined);

const CONTEXTS = [
  ['base:allocation', 7],
  ['qemu:dirty-bitmap:b', 9],
] as const;

/** Asks, sends the reply, and expects that everything in flight rejects with the offence's name. */
function suite(
  name: string,
  ask: Ask,
  given: Partial<FakeExport>,
  offences: readonly Offence[],
): void {
  describe(name, () => {
    it.each(offences)('%s', async (_, reply, said) => {
      const { server, client } = await connected(given);
      const asking = ask(client);
      const { cookie } = await server.request();
      const bystander = client.read(2 ** 19, 512);
      await server.request();
      server.send(reply(cookie));
      const error = await rejection(asking);
      expect(error).toMatchObject({ kind: 'protocol' });
      expect(error.message).toMatch(/^the fake server broke the NBD protocol/);
      expect(error.message).toContain(said);
      expect(await rejection(bystander)).toBe(error);
      expect(await rejection(client.read(0, 512))).toMatchObject({ kind: 'connection-lost' });
      await server.untilClosed();
    });
  });
}

suite('a malformed header', READ, {}, [
  ['magic', () => u32(0xdeadbeef), 'a reply with magic 0xdeadbeef'],
  ['magic of a request', () => u32(0x25609513), 'a reply with magic 0x25609513'],
  ['cookie of a chunk', (cookie) => chunk(cookie + 100, 0, true), 'for which no request waits'],
  ['cookie of a simple reply', (cookie) => simpleReply(cookie + 100), 'for which no request waits'],
  [
    'cookie that differs in its upper half',
    (cookie) => chunk(BigInt(cookie) + 2n ** 32n, 0, true),
    'for which no request waits',
  ],
]);

suite('a malformed answer to READ', READ, {}, [
  [
    'simple reply',
    (cookie) => simpleReply(cookie, 0, Buffer.alloc(1024)),
    'a simple reply, although structured replies were negotiated',
  ],
  [
    'simple reply with an error',
    (cookie) => simpleReply(cookie, 22),
    'a simple reply, although structured replies were negotiated',
  ],
  [
    'success without content',
    (cookie) => chunk(cookie, 0, true),
    'success, but nothing was sent for offset 1024',
  ],
  [
    'success with a gap',
    (cookie) => join(holeChunk(cookie, false, 1024, 512), holeChunk(cookie, true, 1792, 256)),
    'nothing was sent for offset 1536',
  ],
  [
    'success without the end',
    (cookie) => holeChunk(cookie, true, 1024, 512),
    'nothing was sent for offset 1536',
  ],
  [
    'data before the request',
    (cookie) => dataChunk(cookie, true, 1023, Buffer.alloc(1)),
    'a chunk of 1 bytes at offset 1023, outside the request',
  ],
  [
    'data beyond the request',
    (cookie) => dataChunk(cookie, true, 1536, Buffer.alloc(513)),
    'outside the request',
  ],
  [
    'data at an offset beyond reckoning',
    (cookie) => chunk(cookie, 1, true, join(u64(2n ** 64n - 1n), 'x')),
    'outside the request',
  ],
  [
    'data longer than the request',
    (cookie) => dataChunk(cookie, true, 1024, Buffer.alloc(1025)),
    'a data chunk of 1033 bytes',
  ],
  [
    'data chunk without data',
    (cookie) => chunk(cookie, 1, true, u64(1024)),
    'a data chunk of 8 bytes',
  ],
  [
    'data chunk without offset',
    (cookie) => chunk(cookie, 1, true, u32(0)),
    'a data chunk of 4 bytes',
  ],
  [
    'data announced far too long',
    (cookie) => join(u32(0x668e33ef), u16(1), u16(1), u64(cookie), u32(2 ** 32 - 1)),
    'a data chunk of 4294967295 bytes',
  ],
  [
    'data twice',
    (cookie) =>
      join(
        dataChunk(cookie, false, 1024, pattern(1024, 512)),
        dataChunk(cookie, false, 1024, pattern(1024, 512)),
      ),
    'that overlaps an earlier one',
  ],
  [
    'data over the end of earlier data',
    (cookie) =>
      join(
        dataChunk(cookie, false, 1024, pattern(1024, 512)),
        dataChunk(cookie, false, 1535, pattern(1535, 1)),
      ),
    'that overlaps an earlier one',
  ],
  [
    'data over the start of earlier data',
    (cookie) =>
      join(
        dataChunk(cookie, false, 1536, pattern(1536, 1)),
        dataChunk(cookie, false, 1024, pattern(1024, 513)),
      ),
    'that overlaps an earlier one',
  ],
  [
    'a hole over data',
    (cookie) =>
      join(dataChunk(cookie, false, 1536, pattern(1536, 1)), holeChunk(cookie, false, 1024, 1024)),
    'that overlaps an earlier one',
  ],
  [
    'data over an error',
    (cookie) =>
      join(
        errorOffsetChunk(cookie, false, 5, 1100),
        dataChunk(cookie, false, 1024, pattern(1024, 512)),
      ),
    'that overlaps an earlier one',
  ],
  ['a hole without length', (cookie) => holeChunk(cookie, true, 1024, 0), 'a hole without length'],
  [
    'a hole beyond the request',
    (cookie) => holeChunk(cookie, true, 1024, 1025),
    'outside the request',
  ],
  ['a short hole chunk', (cookie) => chunk(cookie, 2, true, u64(1024)), 'a hole chunk of 8 bytes'],
  [
    'a long hole chunk',
    (cookie) => chunk(cookie, 2, true, Buffer.alloc(13)),
    'a hole chunk of 13 bytes',
  ],
  ['extents', (cookie) => statusChunk(cookie, true, 7, [[512, 0]]), 'extents of a meta context'],
  ['a chunk of unknown type', (cookie) => chunk(cookie, 3, true), 'a chunk of unknown type 3'],
  [
    'a chunk of a type for extended headers',
    (cookie) => chunk(cookie, 6, true),
    'a chunk of unknown type 6',
  ],
  [
    'an empty chunk with bytes',
    (cookie) => chunk(cookie, 0, true, u32(0)),
    'an empty chunk of 4 bytes',
  ],
  [
    'an empty chunk that is not the last',
    (cookie) => chunk(cookie, 0, false),
    'an empty chunk that is not the last',
  ],
  [
    'a simple reply after chunks',
    (cookie) => join(holeChunk(cookie, false, 1024, 512), simpleReply(cookie, 5)),
    'a simple reply after structured chunks',
  ],
  [
    'more chunks than any honest answer has',
    (cookie) =>
      join(...Array.from({ length: 20 }, (_, index) => holeChunk(cookie, false, 1024 + index, 1))),
    '20 chunks and no end',
  ],
  ['error number 0', (cookie) => errorChunk(cookie, true, 0), 'an error chunk with error number 0'],
  [
    'a short error chunk',
    (cookie) => chunk(cookie, 0x8001, true, u32(5)),
    'an error chunk of 4 bytes',
  ],
  [
    'a short error chunk with offset',
    (cookie) => chunk(cookie, 0x8002, true, join(u32(5), u16(0), u32(0))),
    'an error chunk of 10 bytes',
  ],
  [
    'an error message beyond its chunk',
    (cookie) => chunk(cookie, 0x8001, true, join(u32(5), u16(3), 'no')),
    'an error chunk of 8 bytes with a message of 3 bytes',
  ],
  [
    'an error message into its offset',
    (cookie) => chunk(cookie, 0x8002, true, join(u32(5), u16(1), u64(0))),
    'an error chunk of 14 bytes with a message of 1 bytes',
  ],
  [
    'an oversized error message',
    (cookie) => errorChunk(cookie, true, 5, 'x'.repeat(4097)),
    'with a message of 4097 bytes',
  ],
  [
    'an oversized error chunk',
    (cookie) => errorChunk(cookie, true, 5, 'x'.repeat(9000)),
    'an error chunk of 9006 bytes',
  ],
  [
    'an unknown error chunk whose message is too long',
    (cookie) => chunk(cookie, 0x8fff, true, join(u32(5), u16(9), 'x')),
    'with a message of 9 bytes',
  ],
  [
    'an error before the request',
    (cookie) => errorOffsetChunk(cookie, true, 5, 1023),
    'an error at offset 1023, outside the request',
  ],
  [
    'an error beyond the request',
    (cookie) => errorOffsetChunk(cookie, true, 5, 2048),
    'an error at offset 2048, outside the request',
  ],
]);

suite('a malformed answer to READ with DF', UNFRAGMENTED, {}, [
  [
    'two content chunks',
    (cookie) => join(holeChunk(cookie, false, 1024, 512), holeChunk(cookie, true, 1536, 512)),
    'a second content chunk',
  ],
]);

suite('a malformed answer to READ without structured replies', PLAIN_READ, { structured: false }, [
  [
    'a structured reply',
    (cookie) => holeChunk(cookie, true, 0, 512),
    'a structured reply, although none were negotiated',
  ],
]);

suite('a malformed answer to WRITE', WRITE, {}, [
  [
    'data',
    (cookie) => dataChunk(cookie, true, 0, Buffer.alloc(1)),
    'content, which belongs to READ and not to WRITE',
  ],
  [
    'a hole',
    (cookie) => holeChunk(cookie, true, 0, 512),
    'content, which belongs to READ and not to WRITE',
  ],
  ['extents', (cookie) => statusChunk(cookie, true, 7, [[512, 0]]), 'extents of a meta context'],
  [
    'errors without end',
    (cookie) => join(...Array.from({ length: 18 }, () => errorChunk(cookie, false, 5))),
    '18 chunks and no end',
  ],
]);

suite('a malformed answer to FLUSH', FLUSH, {}, [
  [
    'an error with an offset',
    (cookie) => errorOffsetChunk(cookie, true, 5, 0),
    'an error with an offset',
  ],
]);

suite('a malformed answer to BLOCK_STATUS', STATUS, { contexts: CONTEXTS }, [
  ['simple reply', (cookie) => simpleReply(cookie), 'a simple reply without error'],
  [
    'success without extents',
    (cookie) => chunk(cookie, 0, true),
    'success, but nothing was sent for meta context 7',
  ],
  [
    'success without one of the contexts',
    (cookie) => statusChunk(cookie, true, 7, [[4096, 0]]),
    'success, but nothing was sent for meta context 9',
  ],
  [
    'a context twice',
    (cookie) =>
      join(statusChunk(cookie, false, 7, [[4096, 0]]), statusChunk(cookie, true, 7, [[4096, 0]])),
    'meta context 7 twice',
  ],
  [
    'a context that was not negotiated',
    (cookie) => statusChunk(cookie, true, 8, [[4096, 0]]),
    'extents of meta context 8, which was not negotiated',
  ],
  [
    'an extent without length',
    (cookie) =>
      statusChunk(cookie, true, 7, [
        [512, 0],
        [0, 1],
      ]),
    'an extent without length at offset 512',
  ],
  [
    'an extent beyond the request',
    (cookie) =>
      statusChunk(cookie, true, 7, [
        [4096, 0],
        [512, 0],
      ]),
    'an extent at offset 4096, beyond the request',
  ],
  [
    'an extent beyond the export',
    (cookie) => statusChunk(cookie, true, 7, [[2 ** 20 + 1, 0]]),
    'an extent to offset 1048577, beyond the export',
  ],
  [
    'a chunk without extents',
    (cookie) => statusChunk(cookie, true, 7, []),
    'a chunk of extents of 4 bytes',
  ],
  [
    'a chunk with half an extent',
    (cookie) => chunk(cookie, 5, true, join(u32(7), u32(512))),
    'a chunk of extents of 8 bytes',
  ],
  ['a chunk without context', (cookie) => chunk(cookie, 5, true), 'a chunk of extents of 0 bytes'],
  [
    'more extents than any server should send',
    (cookie) =>
      join(u32(0x668e33ef), u16(1), u16(5), u64(cookie), u32(4 + 8 * (2 ** 20 + 1)), u32(7)),
    '1048577 extents, where 1048576 are the most',
  ],
  [
    'data',
    (cookie) => dataChunk(cookie, true, 0, Buffer.alloc(1)),
    'content, which belongs to READ and not to BLOCK_STATUS',
  ],
]);

suite(
  'extents that do not reach the first block',
  STATUS,
  { contexts: [['base:allocation', 7]], blockSizes: [512, 512, 4096] },
  [
    [
      'are no progress',
      (cookie) => statusChunk(cookie, true, 7, [[511, 0]]),
      'extents that end before the first block does',
    ],
  ],
);

describe('what is judged although nobody waits for it', () => {
  it('is the content of an answer whose caller gave up', async () => {
    const { server, client } = await connected();
    const giveUp = new AbortController();
    const reading = client.read(1024, 1024, { signal: giveUp.signal });
    const { cookie } = await server.request();
    server.send(dataChunk(cookie, false, 1024, pattern(1024, 512)));
    giveUp.abort();
    expect(await rejection(reading)).toMatchObject({ kind: 'cancelled' });
    const other = client.read(0, 512);
    server.send(dataChunk(cookie, false, 1024, pattern(1024, 512)));
    expect((await rejection(other)).message).toContain('that overlaps an earlier one');
  });
});

describe('a cookie that was answered', () => {
  it('is not known any more', async () => {
    const { server, client } = await connected();
    const reading = client.read(1024, 1024);
    const { cookie } = await server.request();
    const other = client.read(0, 512);
    server.send(holeChunk(cookie, true, 1024, 1024), holeChunk(cookie, true, 1024, 1024));
    expect((await reading).length).toBe(1024);
    expect((await rejection(other)).message).toContain('for which no request waits');
  });
});
