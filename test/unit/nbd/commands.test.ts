import { describe, expect, it } from 'vitest';
import type { Payload } from '../../../src/nbd/index.js';
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
} from './support/bytes.js';
import {
  ALL_FLAGS,
  connected,
  rejection,
  rejections,
  settle,
  type FakeServer,
} from './support/fake-server.js';

const READ_ONLY = 0b11;

/** A payload's bytes with holes as zeroes. */
function bytesOf(payload: Payload): Buffer {
  return join(
    ...payload.pieces.map((piece) => (piece.hole ? Buffer.alloc(piece.length) : piece.data)),
  );
}

describe('read', () => {
  it('takes a simple reply', async () => {
    const { server, client } = await connected({ structured: false });
    const reading = client.read(512, 1000);
    const request = await server.request();
    expect(request).toMatchObject({ type: 0, flags: 0, offset: 512, length: 1000 });
    server.send(simpleReply(request.cookie, 0, pattern(512, 1000)));
    const payload = await reading;
    expect(payload.length).toBe(1000);
    expect(bytesOf(payload)).toEqual(pattern(512, 1000));
  });

  it('reports the error of a simple reply', async () => {
    const { server, client } = await connected({ structured: false });
    const reading = client.read(0, 512);
    const { cookie } = await server.request();
    server.send(simpleReply(cookie, 5));
    const error = await rejection(reading);
    expect(error).toMatchObject({ kind: 'nbd-command', errno: 5 });
    expect(error.message).toBe('READ of 512 bytes at offset 0 failed on the fake server: NBD_EIO');
  });

  it('puts chunks in order, with holes as such', async () => {
    const { server, client } = await connected();
    const reading = client.read(4096, 4096);
    const { cookie } = await server.request();
    server.send(
      holeChunk(cookie, false, 6144, 2048),
      dataChunk(cookie, false, 5120, pattern(5120, 1024)),
      dataChunk(cookie, false, 4096, pattern(4096, 1024)),
      chunk(cookie, 0, true),
    );
    const payload = await reading;
    expect(payload.pieces.map((piece) => (piece.hole ? -piece.length : piece.data.length))).toEqual(
      [1024, 1024, -2048],
    );
    expect(bytesOf(payload)).toEqual(join(pattern(4096, 2048), Buffer.alloc(2048)));
  });

  it('takes a last chunk that is content', async () => {
    const { server, client } = await connected();
    const reading = client.read(0, 512);
    const { cookie } = await server.request();
    server.send(holeChunk(cookie, true, 0, 512));
    expect((await reading).pieces).toEqual([{ hole: true, length: 512 }]);
  });

  it('matches answers in any order, and chunks of several requests in between each other', async () => {
    const { server, client } = await connected();
    const [one, other] = [client.read(0, 1024), client.read(8192, 1024)];
    const [first, second] = [await server.request(), await server.request()];
    server.send(
      dataChunk(second.cookie, false, 8192, pattern(8192, 512)),
      dataChunk(first.cookie, false, 0, pattern(0, 512)),
      dataChunk(second.cookie, true, 8704, pattern(8704, 512)),
      dataChunk(first.cookie, true, 512, pattern(512, 512)),
    );
    expect(bytesOf(await other)).toEqual(pattern(8192, 1024));
    expect(bytesOf(await one)).toEqual(pattern(0, 1024));
  });

  it('ignores unknown reply flags', async () => {
    const { server, client } = await connected();
    const reading = client.read(0, 512);
    const { cookie } = await server.request();
    const reply = holeChunk(cookie, true, 0, 512);
    reply.writeUInt16BE(0xffff, 4);
    server.send(reply);
    expect((await reading).length).toBe(512);
  });

  it.each([
    [
      'an error chunk',
      (cookie: number) => errorChunk(cookie, true, 5, 'disk on fire'),
      'NBD_EIO: disk on fire',
      5,
    ],
    [
      'an error with offset',
      (cookie: number) => errorOffsetChunk(cookie, true, 12, 512, 'lost'),
      'NBD_ENOMEM: lost',
      12,
    ],
    ['an unknown number', (cookie: number) => errorChunk(cookie, true, 4711), 'error 4711', 4711],
    [
      'an unknown error type',
      (cookie: number) => chunk(cookie, 0x8fff, true, join(u32(5), u16(2), 'hm', 'more')),
      'NBD_EIO: (error type 36863) hm',
      5,
    ],
    [
      'an error before the end',
      (cookie: number) =>
        join(
          errorChunk(cookie, false, 5, 'a'),
          errorChunk(cookie, false, 22, 'b'),
          chunk(cookie, 0, true),
        ),
      'NBD_EIO: a',
      5,
    ],
    [
      'content around an error',
      (cookie: number) =>
        join(
          dataChunk(cookie, false, 0, pattern(0, 512)),
          errorOffsetChunk(cookie, false, 5, 100, 'x'),
          dataChunk(cookie, true, 512, pattern(512, 512)),
        ),
      'NBD_EIO: x',
      5,
    ],
  ])('reports %s', async (_, reply, said, errno) => {
    const { server, client } = await connected();
    const reading = client.read(0, 1024);
    const { cookie } = await server.request();
    server.send(reply(cookie));
    const error = await rejection(reading);
    expect(error).toMatchObject({ kind: 'nbd-command', errno });
    expect(error.message).toBe(`READ of 1024 bytes at offset 0 failed on the fake server: ${said}`);
    const again = client.read(0, 512);
    const next = await server.request();
    server.send(holeChunk(next.cookie, true, 0, 512));
    expect((await again).length).toBe(512);
  });

  it('asks for one run of data where it may, and takes pieces where that is refused', async () => {
    const { server, client } = await connected();
    const reading = client.read(0, 2 ** 17, { dontFragment: true });
    const request = await server.request();
    expect(request.flags).toBe(4);
    server.send(errorChunk(request.cookie, true, 75));
    const again = await server.request();
    expect(again).toMatchObject({ flags: 0, offset: 0, length: 2 ** 17 });
    server.send(holeChunk(again.cookie, true, 0, 2 ** 17));
    expect((await reading).length).toBe(2 ** 17);
  });

  it('reports NBD_EOVERFLOW for what a server must not refuse to send in one run', async () => {
    const { server, client } = await connected();
    const reading = client.read(0, 65_536, { dontFragment: true });
    const { cookie } = await server.request();
    server.send(errorChunk(cookie, true, 75));
    expect(await rejection(reading)).toMatchObject({ kind: 'nbd-command', errno: 75 });
  });

  it('does not ask for one run where the server has not offered it', async () => {
    const { server, client } = await connected({ flags: 1 });
    void client.read(0, 512, { dontFragment: true }).catch(() => undefined);
    expect((await server.request()).flags).toBe(0);
    client.destroy();
  });
});

describe('a payload', () => {
  async function payloadOf(): Promise<Payload> {
    const { server, client } = await connected();
    const reading = client.read(0, 512);
    const { cookie } = await server.request();
    server.send(dataChunk(cookie, true, 0, pattern(0, 512)));
    return reading;
  }

  it("can't be read after it was released, and be released twice without harm", async () => {
    const payload = await payloadOf();
    payload.release();
    payload.release();
    expect(() => payload.pieces).toThrow('A payload was read after it had been released.');
  });
});

describe('write', () => {
  it('sends all pieces after one header, and settles with the answer', async () => {
    const { server, client } = await connected();
    const writing = client.write(2 ** 19, [pattern(0, 300), Buffer.alloc(0), pattern(300, 212)]);
    const request = await server.request();
    expect(request).toMatchObject({ type: 1, flags: 0, offset: 2 ** 19, length: 512 });
    expect(request.data).toEqual(pattern(0, 512));
    server.send(simpleReply(request.cookie));
    await writing;
  });

  it('sends offsets beyond 32 bits', async () => {
    const { server, client } = await connected({ size: 2 ** 52 });
    const offset = 2 ** 51 + 2 ** 32 + 4096;
    void client.write(offset, [Buffer.alloc(512)]).catch(() => undefined);
    expect((await server.request()).offset).toBe(offset);
    client.destroy();
  });

  it('sets FUA', async () => {
    const { server, client } = await connected();
    const writing = client.write(0, [Buffer.alloc(512)], { fua: true });
    const { flags, cookie } = await server.request();
    expect(flags).toBe(1);
    server.send(chunk(cookie, 0, true));
    await writing;
  });

  it.each([
    [1, 'NBD_EPERM', 'writable'],
    [28, 'NBD_ENOSPC', 'Make room'],
    [22, 'NBD_EINVAL', 'limits'],
    [108, 'NBD_ESHUTDOWN', 'shutting down'],
  ])('reports error %i with a hint', async (errno, name, hint) => {
    const { server, client } = await connected();
    const writing = client.write(0, [Buffer.alloc(512)]);
    const { cookie } = await server.request();
    server.send(simpleReply(cookie, errno));
    const error = await rejection(writing);
    expect(error).toMatchObject({ kind: 'nbd-command', errno });
    expect(error.message).toBe(`WRITE of 512 bytes at offset 0 failed on the fake server: ${name}`);
    expect(error.hint).toContain(hint);
  });
});

describe('writeZeroes and trim', () => {
  const SIZE = 2 ** 33;
  const LONGEST = 2 ** 31 - 65_536;

  it('cut what is longer than one request can say', async () => {
    const { server, client } = await connected({ size: SIZE });
    const zeroing = client.writeZeroes(4096, SIZE - 4096, { mayTrim: true, fua: true });
    let at = 4096;
    while (at < SIZE) {
      const request = await server.request();
      expect(request).toMatchObject({ type: 6, flags: 1, offset: at });
      expect(request.length).toBe(Math.min(LONGEST, SIZE - at));
      at += request.length;
      server.send(simpleReply(request.cookie));
    }
    await zeroing;
  });

  it('say NO_HOLE unless a hole may be punched', async () => {
    const { server, client } = await connected();
    const zeroing = client.writeZeroes(0, 512);
    const request = await server.request();
    expect(request.flags).toBe(2);
    server.send(simpleReply(request.cookie));
    await zeroing;
  });

  it.each([22, 75])(
    'go on with shorter requests where a long one is refused with %i',
    async (errno) => {
      const blockSizes = [512, 4096, 2 ** 20] as const;
      const { server, client } = await connected({ size: 2 ** 22, blockSizes });
      const trimming = client.trim(0, 2 ** 21 + 512, { fua: true });
      const whole = await server.request();
      expect(whole).toMatchObject({ type: 4, flags: 1, offset: 0, length: 2 ** 21 + 512 });
      server.send(errorChunk(whole.cookie, true, errno));
      for (const [offset, length] of [
        [0, 2 ** 20],
        [2 ** 20, 2 ** 20],
        [2 ** 21, 512],
      ]) {
        const request = await server.request();
        expect(request).toMatchObject({ offset, length });
        server.send(simpleReply(request.cookie));
      }
      await trimming;
    },
  );

  it('report an error that is not about the length', async () => {
    const { server, client } = await connected({ size: SIZE });
    const trimming = client.trim(0, SIZE);
    const request = await server.request();
    server.send(simpleReply(request.cookie, 5));
    expect((await rejection(trimming)).message).toMatch(
      /^TRIM of 2147418112 bytes at offset 0 failed/,
    );
  });

  it('report an error about the length of what is short already', async () => {
    const { server, client } = await connected();
    const trimming = client.trim(0, 2 ** 20);
    const request = await server.request();
    server.send(simpleReply(request.cookie, 22));
    expect(await rejection(trimming)).toMatchObject({ kind: 'nbd-command', errno: 22 });
  });
});

describe('flush', () => {
  it('has neither offset nor length', async () => {
    const { server, client } = await connected();
    const flushing = client.flush();
    const request = await server.request();
    expect(request).toMatchObject({ type: 3, flags: 0, offset: 0, length: 0 });
    server.send(chunk(request.cookie, 0, true));
    await flushing;
  });

  it('reports errors', async () => {
    const { server, client } = await connected();
    const flushing = client.flush();
    const request = await server.request();
    server.send(errorChunk(request.cookie, true, 5));
    expect((await rejection(flushing)).message).toMatch(
      /^FLUSH failed on the fake server: NBD_EIO/,
    );
  });
});

describe('blockStatus', () => {
  const CONTEXTS = [
    ['base:allocation', 7],
    ['qemu:dirty-bitmap:b', 9],
  ] as const;
  type Visit = [offset: number, length: number, flags: number];

  async function answer(server: FakeServer, dirty: readonly [number, number][]): Promise<void> {
    const { cookie, length } = await server.request();
    server.send(statusChunk(cookie, false, 7, [[length, 0]]), statusChunk(cookie, true, 9, dirty));
  }

  it('visits the wanted context, joined, in as many requests as it takes, cut to the range', async () => {
    const { server, client } = await connected({ contexts: CONTEXTS });
    const visits: Visit[] = [];
    const asking = client.blockStatus('qemu:dirty-bitmap:b', 4096, 16_384, (...visit) =>
      visits.push(visit),
    );
    await answer(server, [
      [4096, 0],
      [1024, 1],
    ]);
    await answer(server, [
      [1024, 1],
      [2048, 1],
    ]);
    await answer(server, [
      [4096, 0],
      [2 ** 19, 1],
    ]);
    await asking;
    expect(visits).toEqual([
      [4096, 4096, 0],
      [8192, 4096, 1],
      [12_288, 4096, 0],
      [16_384, 4096, 1],
    ]);
  });

  it('goes on at a whole block where the server ends within one', async () => {
    const { server, client } = await connected({
      contexts: CONTEXTS,
      blockSizes: [512, 4096, 2 ** 20],
    });
    const visits: Visit[] = [];
    const asking = client.blockStatus('base:allocation', 0, 2048, (...visit) => visits.push(visit));
    const one = await server.request();
    server.send(
      statusChunk(one.cookie, false, 9, [[5, 0]]),
      statusChunk(one.cookie, true, 7, [[700, 3]]),
    );
    const other = await server.request();
    expect(other).toMatchObject({ offset: 512, length: 1536 });
    server.send(
      statusChunk(other.cookie, false, 9, [[5, 0]]),
      statusChunk(other.cookie, true, 7, [[1536, 0]]),
    );
    await asking;
    expect(visits).toEqual([
      [0, 512, 3],
      [512, 1536, 0],
    ]);
  });

  it('cuts what is longer than one request can say', async () => {
    const { server, client } = await connected({ contexts: CONTEXTS, size: 2 ** 32 });
    const visits: Visit[] = [];
    const asking = client.blockStatus('qemu:dirty-bitmap:b', 0, 2 ** 32, (...visit) =>
      visits.push(visit),
    );
    await answer(server, [[2 ** 31 - 65_536, 1]]);
    await answer(server, [[2 ** 31 - 65_536, 1]]);
    await answer(server, [[131_072, 1]]);
    await asking;
    expect(visits).toEqual([[0, 2 ** 32, 1]]);
  });

  it.each([
    ['a simple reply', (cookie: number) => simpleReply(cookie, 22)],
    ['an error chunk', (cookie: number) => errorChunk(cookie, true, 22)],
    [
      'an error after extents',
      (cookie: number) =>
        join(statusChunk(cookie, false, 7, [[512, 0]]), errorChunk(cookie, true, 22)),
    ],
  ])('reports an error in %s, and visits nothing', async (_, reply) => {
    const { server, client } = await connected({ contexts: CONTEXTS });
    const visits: Visit[] = [];
    const asking = client.blockStatus('base:allocation', 0, 512, (...visit) => visits.push(visit));
    const { cookie } = await server.request();
    server.send(reply(cookie));
    expect(await rejection(asking)).toMatchObject({ kind: 'nbd-command', errno: 22 });
    expect(visits).toEqual([]);
  });

  it('rejects with what the visitor throws', async () => {
    const { server, client } = await connected({ contexts: CONTEXTS });
    const asking = client.blockStatus('base:allocation', 0, 512, () => {
      throw new Error('enough');
    });
    await answer(server, [[512, 0]]);
    expect((await rejection(asking)).message).toBe('enough');
  });

  it('of a context that was not granted is a UsageError', async () => {
    const { client } = await connected({ contexts: CONTEXTS });
    const error = await rejection(client.blockStatus('base:other', 0, 512, () => undefined));
    expect(error).toMatchObject({ kind: 'usage' });
    expect(error.message).toBe('the fake server does not offer the meta context "base:other".');
  });
});

describe('limits that the server stated', () => {
  const blockSizes = [512, 4096, 65_536] as const;

  it.each([
    [
      'an offset that is not aligned',
      100,
      512,
      "is not aligned to the server's minimum block of 512 bytes",
    ],
    ['a length that is not aligned', 0, 100, 'is not aligned'],
    [
      'an end beyond the export',
      2 ** 20 - 512,
      1024,
      'is out of range: the export has 1048576 bytes',
    ],
    ['a start beyond the export', 2 ** 21, 512, 'is out of range'],
    ['a negative offset', -512, 512, 'a range needs whole numbers'],
    ['a fraction', 0.5, 512, 'a range needs whole numbers'],
    ['nothing', 0, 0, 'a range needs whole numbers, and at least one byte'],
  ])('%s is a LimitError, and nothing is sent', async (_, offset, length, said) => {
    const { server, client } = await connected({ blockSizes, contexts: [['base:allocation', 1]] });
    const errors = await Promise.all(
      [
        client.read(offset, length),
        client.write(offset, [Buffer.alloc(length)]),
        client.writeZeroes(offset, length),
        client.trim(offset, length),
        client.blockStatus('base:allocation', offset, length, () => undefined),
      ].map(rejection),
    );
    for (const error of errors) {
      expect(error).toMatchObject({ kind: 'limit' });
      expect(error.message).toContain(said);
    }
    client.destroy();
    expect(await server.untilClosed()).toHaveLength(0);
  });

  it('a payload beyond the maximum is a LimitError', async () => {
    const { client } = await connected({ blockSizes });
    const attempts = [client.read(0, 66_048), client.write(0, [Buffer.alloc(66_048)])];
    for (const error of await rejections(attempts)) {
      expect(error).toMatchObject({ kind: 'limit' });
      expect(error.message).toMatch(/is longer than the maximum payload of 65536 bytes\.$/);
    }
  });

  it('a write to a read-only export is a UsageError', async () => {
    const { client } = await connected({ flags: ALL_FLAGS | READ_ONLY });
    const attempts = [
      client.write(0, [Buffer.alloc(512)]),
      client.writeZeroes(0, 512),
      client.trim(0, 512),
    ];
    for (const error of await rejections(attempts)) {
      expect(error).toMatchObject({ kind: 'usage' });
      expect(error.message).toMatch(/can't be: the fake server is read-only\.$/);
    }
  });

  it('a command that was not offered is a UsageError', async () => {
    const { client } = await connected({ flags: 1 });
    const attempts: [Promise<unknown>, string][] = [
      [client.trim(0, 512), 'TRIM'],
      [client.writeZeroes(0, 512), 'WRITE_ZEROES'],
      [client.flush(), 'FLUSH'],
      [client.write(0, [Buffer.alloc(512)], { fua: true }), 'FUA'],
    ];
    const errors = await rejections(attempts.map(([attempt]) => attempt));
    for (const [index, error] of errors.entries()) {
      expect(error).toMatchObject({ kind: 'usage' });
      expect(error.message).toBe(`the fake server does not offer ${attempts[index]![1]}.`);
    }
  });
});

describe('requests', () => {
  it('of one turn of the event loop leave in one gathered write', async () => {
    const { near, server, client } = await connected();
    let writes = 0;
    const writev = near._write.bind(near);
    near._writev = (chunks, done) => {
      writes++;
      for (const { chunk: bytes } of chunks) writev(bytes as Buffer, 'buffer', () => undefined);
      done();
    };
    const all = [client.read(0, 512), client.write(0, [Buffer.alloc(512)]), client.flush()];
    await settle();
    expect(writes).toBe(1);
    for (const type of [0, 1, 3]) expect((await server.request()).type).toBe(type);
    client.destroy();
    await Promise.allSettled(all);
  });
});
