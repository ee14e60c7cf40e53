import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BASE_ALLOCATION, NBD_ENOSPC, NbdServerError } from '../../../src/nbd/index.js';
import { join, pattern, u16, u32, u64 } from '../nbd/support/bytes.js';
import { settle } from '../nbd/support/fake-server.js';
import { MemoryStorage, PAGE } from './support/memory-storage.js';
import {
  DIRTY,
  goData,
  MIB,
  option,
  RawClient,
  request,
  serve,
  type RawRequest,
} from './support/raw-client.js';

const READ = 0;
const WRITE = 1;
const DISC = 2;
const FLUSH = 3;
const TRIM = 4;
const CACHE = 5;
const ZEROES = 6;
const STATUS = 7;

const FUA = 1;
const NO_HOLE = 2;
const DF = 4;
const REQ_ONE = 8;
const FAST = 16;

const EIO = 5;
const EINVAL = 22;

describe('simple replies', () => {
  it('carry data, with zeroes for holes, and the cookie as it came', async () => {
    const { connect, storage } = serve();
    storage.put(PAGE, pattern(0, PAGE));
    const client = await connect().go('disk');
    const cookie = 0xfedc_ba98_7654_3210n;
    client.send(request({ type: READ, cookie, offset: 1000, length: 3 * PAGE }));
    const reply = await client.reply(3 * PAGE);
    expect(reply).toMatchObject({ cookie, error: 0 });
    expect(reply.data.equals(storage.bytes.subarray(1000, 1000 + 3 * PAGE))).toBe(true);
  });

  it('tell errors, without data', async () => {
    const { connect, storage } = serve();
    storage.onCall = () => {
      throw new Error('A bad disk.');
    };
    const client = await connect().go('disk');
    expect(await client.failure({ type: READ, length: 512 })).toEqual([EIO, '']);
    expect(await client.failure({ type: READ, length: 64 * MIB })).toEqual([EINVAL, '']);
    expect(await client.failure({ type: READ, length: 512, flags: DF })).toEqual([EINVAL, '']);
    expect(await client.failure({ type: STATUS, length: 512 })).toEqual([EINVAL, '']);
  });
});

describe('structured replies to READ', () => {
  it('tell data and holes as chunks, the last of which is marked', async () => {
    const { connect, storage } = serve();
    storage.put(PAGE, pattern(0, 2 * PAGE));
    storage.put(5 * PAGE, pattern(9, PAGE));
    const client = await connect().go('disk', []);
    client.send(request({ type: READ, offset: 100, length: 8 * PAGE }));
    const chunks = [await client.reply(), await client.reply(), await client.reply()];
    chunks.push(await client.reply(), await client.reply());
    expect(chunks.map(({ type, done }) => [type, done])).toEqual([
      [2, false],
      [1, false],
      [2, false],
      [1, false],
      [2, true],
    ]);
    expect(chunks[0]!.data).toEqual(join(u64(100), u32(PAGE - 100)));
    expect(chunks[1]!.data).toEqual(join(u64(PAGE), pattern(0, 2 * PAGE)));
    expect(chunks[4]!.data).toEqual(join(u64(6 * PAGE), u32(2 * PAGE + 100)));
  });

  it('send a hole that is not worth its header as zeroes', async () => {
    const { connect, storage } = serve();
    storage.put(0, pattern(0, PAGE));
    const client = await connect().go('disk', []);
    client.send(request({ type: READ, offset: PAGE - 512, length: 512 + 1023 }));
    const chunk = await client.reply();
    expect(chunk).toMatchObject({ type: 1, done: true });
    expect(chunk.data.subarray(8)).toEqual(storage.bytes.subarray(PAGE - 512, PAGE + 1023));
  });

  it('come in one piece where that is asked for', async () => {
    const { connect, storage } = serve();
    storage.put(PAGE, pattern(0, PAGE));
    const client = await connect().go('disk', []);
    client.send(request({ type: READ, flags: DF, length: 4 * PAGE }));
    const whole = await client.reply();
    expect(whole).toMatchObject({ type: 1, done: true });
    expect(whole.data.subarray(8).equals(storage.bytes.subarray(0, 4 * PAGE))).toBe(true);
    client.send(request({ type: READ, flags: DF, offset: 8 * PAGE, length: MIB / 2 }));
    const hole = await client.reply();
    expect(hole).toMatchObject({ type: 2, done: true });
    expect(hole.data).toEqual(join(u64(8 * PAGE), u32(MIB / 2)));
  });

  it('refuse more than the maximum payload', async () => {
    const { connect } = serve({ maximumPayload: 65_536 });
    const client = await connect().go('disk', []);
    expect(await client.failure({ type: READ, length: 65_537 })).toEqual([
      75,
      'READ of 65537 bytes at offset 0 is longer than 65536 bytes.',
    ]);
  });

  it('fail when the storage gives too much or too little', async () => {
    const { connect, storage } = serve();
    storage.read = () => Promise.resolve([{ hole: true, length: 100 }]);
    const client = await connect().go('disk', []);
    const [errno, message] = await client.failure({ type: READ, length: 512 });
    expect([errno, message]).toEqual([EIO, 'The storage gave 100 of 512 bytes.']);
  });
});

describe('commands that write', () => {
  it('reach the storage with their data, uncopied, and their flags', async () => {
    const { connect, storage } = serve();
    const client = await connect().go('disk', []);
    const data = pattern(0, 3 * PAGE);
    client.stream.write(request({ type: WRITE, offset: 512, flags: FUA, length: data.length }));
    client.stream.write(data.subarray(0, 2 * PAGE));
    client.stream.write(data.subarray(2 * PAGE));
    expect(await client.reply()).toMatchObject({ cookie: 1n, error: 0 });
    expect(storage.written.map(({ buffer }) => buffer === data.buffer)).toEqual([true, true]);
    expect(storage.bytes.subarray(512, 512 + data.length)).toEqual(data);
    for (const flags of [0, NO_HOLE, FAST, FUA | NO_HOLE | FAST])
      client.send(request({ type: ZEROES, length: PAGE, flags }));
    client.send(request({ type: TRIM, offset: PAGE, length: PAGE }));
    client.send(request({ type: TRIM, offset: PAGE, length: PAGE, flags: FUA }));
    client.send(request({ type: FLUSH }));
    for (let count = 0; count < 7; count++)
      expect(await client.reply()).toMatchObject({ error: 0 });
    expect(storage.calls).toEqual([
      `write 512+${3 * PAGE} fua`,
      'zeroes 0+4096 mayTrim',
      'zeroes 0+4096',
      'zeroes 0+4096 mayTrim fast',
      'zeroes 0+4096 fua fast',
      'trim 4096+4096',
      'trim 4096+4096 fua',
      'flush',
    ]);
  });

  it('take little memory beside their data, however small the pieces are that arrive', async () => {
    const { connect, storage } = serve();
    const client = await connect().go('disk', []);
    const data = pattern(0, 3 * PAGE);
    client.stream.write(request({ type: WRITE, length: data.length }));
    for (let at = 0; at < data.length; at++) client.stream.write(data.subarray(at, at + 1));
    expect(await client.reply()).toMatchObject({ error: 0 });
    expect(storage.written.length).toBeLessThan(3);
    expect(storage.bytes.subarray(0, data.length)).toEqual(data);
  });

  it('are not permitted on a read-only export, and their data are skipped', async () => {
    const { connect, storage } = serve({ readOnly: true });
    const client = await connect().go('disk', []);
    const write = { type: WRITE, data: Buffer.alloc(100_000) };
    expect(await client.failure(write)).toEqual([
      1,
      'WRITE of 100000 bytes at offset 0: the export is read-only.',
    ]);
    for (const type of [TRIM, ZEROES])
      expect((await client.failure({ type, length: 512 }))[0]).toBe(1);
    expect(storage.calls).toEqual([]);
  });

  it('skip data that are longer than the maximum payload', async () => {
    const { connect, storage } = serve({ maximumPayload: 4096 });
    const client = await connect().go('disk', []);
    const [errno, message] = await client.failure({ type: WRITE, data: Buffer.alloc(8192) });
    expect([errno, message]).toEqual([
      EINVAL,
      'WRITE of 8192 bytes at offset 0 is longer than 4096 bytes.',
    ]);
    client.send(request({ type: FLUSH }));
    expect(await client.reply()).toMatchObject({ error: 0 });
    expect(storage.calls).toEqual(['flush']);
  });

  it('end with a write so long that it is an attack', async () => {
    const { connect, clock } = serve();
    const client = await connect().go('disk', []);
    const [errno] = await client.failure({ type: WRITE, length: 32 * MIB + 1 });
    expect(errno).toBe(EINVAL);
    client.stream.write(Buffer.alloc(MIB));
    await settle();
    clock.advance(1000);
    expect(await client.rest()).toHaveLength(0);
  });

  it('say that fast zeroes are not to be had, and never that of others', async () => {
    const { connect, storage } = serve();
    storage.slowZeroes = true;
    const client = await connect().go('disk', []);
    const fast = await client.failure({ type: ZEROES, length: 512, flags: FAST });
    expect(fast).toEqual([95, 'Zeroes are written as data here.']);
    storage.onCall = () => {
      throw new NbdServerError('Not here.', 95);
    };
    expect(await client.failure({ type: ZEROES, length: 512 })).toEqual([EINVAL, 'Not here.']);
  });
});

describe('CACHE', () => {
  it('is answered', async () => {
    const client = await serve().connect().go('disk');
    client.send(request({ type: CACHE, length: MIB }));
    expect(await client.reply()).toMatchObject({ error: 0 });
  });
});

describe('requests that can not be served', () => {
  const beyond = (type: number): RawRequest => ({ type, offset: MIB - 511, length: 512 });

  it.each<[string, RawRequest, number, RegExp]>([
    ['READ beyond the end', beyond(READ), EINVAL, /is out of range: the export has 1048576 bytes/],
    ['TRIM beyond the end', beyond(TRIM), EINVAL, /is out of range/],
    ['CACHE beyond the end', beyond(CACHE), EINVAL, /is out of range/],
    ['STATUS beyond the end', beyond(STATUS), EINVAL, /is out of range/],
    ['ZEROES beyond the end', beyond(ZEROES), NBD_ENOSPC, /is out of range/],
    [
      'WRITE beyond the end',
      { type: WRITE, offset: MIB, data: Buffer.alloc(512) },
      NBD_ENOSPC,
      /is out of range/,
    ],
    [
      'an offset of 2^64 - 1',
      { type: READ, offset: 2n ** 64n - 1n, length: 1 },
      EINVAL,
      /is out of range/,
    ],
    [
      'an unknown command',
      { type: 8, length: 512 },
      EINVAL,
      /^This server does not know command 8/,
    ],
    [
      'an unknown flag',
      { type: READ, flags: 64, length: 512 },
      EINVAL,
      /can't have the flags 0x40/,
    ],
    ['a flag of another', { type: WRITE, flags: NO_HOLE }, EINVAL, /can't have the flags 0x2/],
    ['REQ_ONE of a read', { type: READ, flags: REQ_ONE, length: 1 }, EINVAL, /the flags 0x8/],
    ['a FLUSH with a length', { type: FLUSH, length: 512 }, EINVAL, /^FLUSH has neither/],
    ['a FLUSH with an offset', { type: FLUSH, offset: 512 }, EINVAL, /^FLUSH has neither/],
    ['a status of nothing', { type: STATUS }, EINVAL, /^BLOCK_STATUS needs a length/],
  ])('fail: %s', async (_, given, errno, message) => {
    const { connect, storage } = serve();
    const client = await connect().go('disk', [BASE_ALLOCATION]);
    const failure = await client.failure(given);
    expect(failure).toEqual([errno, expect.stringMatching(message)]);
    expect(storage.calls).toEqual([]);
    client.send(request({ type: FLUSH }));
    expect(await client.reply()).toMatchObject({ error: 0 });
  });

  it.each([READ, WRITE, TRIM, CACHE, ZEROES, STATUS])(
    'fail when they are not aligned (command %i)',
    async (type) => {
      const { connect } = serve({ minimumBlock: 512 });
      const client = await connect().go('disk', [BASE_ALLOCATION]);
      for (const [offset, length] of [
        [256, 512],
        [512, 256],
      ] as const) {
        const data = Buffer.alloc(type === WRITE ? length : 0);
        const [errno, message] = await client.failure({ type, offset, length, data });
        expect(errno).toBe(EINVAL);
        expect(message).toMatch(/ is not aligned to the minimum block of 512 bytes\.$/);
      }
    },
  );

  it('may be empty, and then do nothing', async () => {
    const { connect, storage } = serve();
    const client = await connect().go('disk', []);
    for (const type of [READ, WRITE, TRIM, CACHE, ZEROES]) {
      client.send(request({ type, offset: MIB, flags: FUA }));
      const reply = await client.reply();
      if (type === READ) expect(reply).toMatchObject({ type: 0, done: true });
      else expect(reply).toMatchObject({ error: 0 });
    }
    expect(storage.calls).toEqual([]);
  });

  it('end the connection when their magic is another', async () => {
    const { connect, said } = serve();
    const client = await connect().go('disk', []);
    client.send(join(u32(0x25609514), u16(0), u16(0), u64(1), u64(0), u32(512)));
    expect(await client.rest()).toHaveLength(0);
    expect(said.at(-2)).toBe(
      'warn: client 1 broke the NBD protocol: it sent a request with magic 0x25609514.',
    );
  });
});

describe('what the storage throws', () => {
  it.each([
    [new NbdServerError('The disk is full.', NBD_ENOSPC), NBD_ENOSPC, 'The disk is full.'],
    [new NbdServerError('A number of nobody.', 4711), EIO, 'A number of nobody.'],
    [new Error('It broke.'), EIO, 'It broke.'],
    [new Error(`a\0b${'ä'.repeat(4000)}`), EIO, `a b${'ä'.repeat(2046)}`],
  ])('is told (case %#)', async (thrown, errno, message) => {
    const { connect, storage } = serve();
    storage.onCall = () => {
      throw thrown;
    };
    const client = await connect().go('disk', [DIRTY]);
    for (const type of [READ, TRIM, ZEROES, STATUS])
      expect(await client.failure({ type, length: 512 })).toEqual([errno, message]);
    expect(await client.failure({ type: WRITE, data: Buffer.alloc(9) })).toEqual([errno, message]);
    expect(await client.failure({ type: FLUSH })).toEqual([errno, message]);
  });
});

describe('requests at the same time', () => {
  it('are answered as they end', async () => {
    const { connect, storage } = serve();
    const gates: (() => void)[] = [];
    storage.onCall = () => new Promise((resolve) => gates.push(resolve));
    const client = await connect().go('disk');
    for (const cookie of [1, 2, 3]) client.send(request({ type: FLUSH, cookie }));
    await settle();
    const order: bigint[] = [];
    for (const index of [2, 0, 1]) {
      gates[index]!();
      order.push((await client.reply()).cookie);
    }
    expect(order).toEqual([3n, 1n, 2n]);
  });

  it('are answered in one write for each turn', async () => {
    const { server } = serve();
    const writes: number[] = [];
    const stream = new Duplex({
      read: () => undefined,
      writev(chunks, done) {
        writes.push(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)).length);
        done();
      },
    });
    void server.serve(stream, 'client');
    stream.push(join(u32(3), option(7, goData('disk'))));
    await settle();
    writes.splice(0);
    const many = Array.from({ length: 20 }, (_, cookie) => request({ type: FLUSH, cookie }));
    stream.push(join(...many));
    await settle();
    expect(writes).toEqual([20 * 16]);
    stream.destroy();
  });

  it('end with NBD_CMD_DISC only when all are answered', async () => {
    const { open, storage } = serve();
    const { stream, gone } = open();
    let pass: () => void = () => undefined;
    storage.onCall = () => new Promise((resolve) => (pass = resolve));
    const client = await new RawClient(stream).go('disk');
    client.send(request({ type: FLUSH, cookie: 7 }), request({ type: DISC }), 'what follows');
    await settle();
    expect(client.closed).toBe(false);
    pass();
    expect(await client.rest()).toEqual(join(u32(0x67446698), u32(0), u64(7)));
    await gone;
  });

  it('are answered when the client has only ended its side', async () => {
    const { open, storage } = serve();
    const { stream, gone } = open();
    const client = await new RawClient(stream).go('disk');
    client.send(request({ type: WRITE, data: Buffer.alloc(512, 'w') }), request({ type: FLUSH }));
    client.send(request({ type: WRITE, length: 4096 }), 'not all of it');
    stream.end();
    expect(await client.rest()).toHaveLength(32);
    await gone;
    expect(storage.calls).toEqual(['write 0+512', 'flush']);
  });
});

describe('sizes', () => {
  it('may be nothing', async () => {
    const { server, connect } = serve();
    const storage = new MemoryStorage(0);
    server.addExport({
      name: 'none',
      storage,
      readOnly: false,
      metaContexts: [],
      canMultiConn: false,
    });
    const client = await connect().go('none', []);
    expect((await client.failure({ type: READ, length: 1 }))[0]).toBe(EINVAL);
  });
});
