import fc from 'fast-check';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { connectNbdOver, type NbdConnection } from '../../../src/nbd/index.js';
import { join, pattern, u32 } from '../nbd/support/bytes.js';
import { settle } from '../nbd/support/fake-server.js';
import { MemoryStorage, PAGE } from './support/memory-storage.js';
import {
  contextData,
  DIRTY,
  goData,
  option,
  request,
  serve,
  type RawRequest,
} from './support/raw-client.js';

const SIZE = 16 * PAGE;

/** The server's end of a connection that hears what it is told, and remembers what it says. */
class Tape extends Duplex {
  readonly said: Buffer[] = [];

  override _read(): void {
    // Bytes are pushed.
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.said.push(Buffer.from(bytes));
    done();
  }
}

const HANDSHAKE = join(
  u32(3),
  option(3),
  option(99, 'unknown'),
  option(8),
  option(9, contextData('disk')),
  option(10, contextData('disk', DIRTY)),
  option(6, goData('nosuch')),
  option(7, goData('disk', 1, 3)),
);

/** Any request whose range is near the disk. */
const anyRequest = fc
  .record({
    type: fc.constantFrom(0, 0, 1, 1, 3, 4, 5, 6, 7, 7, 9),
    flags: fc.constantFrom(0, 0, 0, 1, 2, 4, 8, 16, 32),
    cookie: fc.nat(99),
    offset: fc.nat(SIZE),
    length: fc.nat(2 * PAGE),
  })
  .map((given): RawRequest =>
    given.type === 1 ? { ...given, data: pattern(given.offset, given.length) } : given,
  );

/**
 * What a server says to bytes that arrive in these pieces: its handshake, and then its messages,
 * sorted by cookie (each reply's in their order), because it may answer in any order.
 */
async function answers(
  bytes: Buffer,
  cuts: readonly number[],
  settling: boolean,
): Promise<readonly Buffer[]> {
  const { server, storage } = serve({ size: SIZE });
  storage.put(2 * PAGE, pattern(0, 3 * PAGE));
  const tape = new Tape({ allowHalfOpen: false });
  const gone = server.serve(tape, 'client');
  let start = 0;
  for (const cut of [...new Set(cuts)].filter((at) => at < bytes.length).sort((a, b) => a - b)) {
    tape.push(bytes.subarray(start, cut));
    if (settling) await settle();
    start = cut;
  }
  tape.push(bytes.subarray(start));
  tape.push(null);
  await gone;
  const said = Buffer.concat(tape.said);
  const handshake = bytes.length === HANDSHAKE.length ? said.length : await handshakeLength;
  return [said.subarray(0, handshake), ...messagesIn(said.subarray(handshake))];
}

const handshakeLength = answers(HANDSHAKE, [], false).then(([said]) => said!.length);

function messagesIn(said: Buffer): Buffer[] {
  const messages: { cookie: bigint; bytes: Buffer }[] = [];
  for (let at = 0; at < said.length;) {
    const simple = said.readUInt32BE(at) === 0x67446698;
    const length = simple ? 16 : 20 + said.readUInt32BE(at + 16);
    const bytes = said.subarray(at, at + length);
    messages.push({ cookie: bytes.readBigUInt64BE(8), bytes });
    at += length;
  }
  return messages.sort((one, other) => Number(one.cookie - other.cookie)).map(({ bytes }) => bytes);
}

describe('the server, however its bytes are cut', () => {
  it('says the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRequest, { maxLength: 8 }),
        fc.array(fc.nat(2000), { maxLength: 12 }),
        fc.boolean(),
        async (requests, cuts, settling) => {
          const numbered = requests.map((given, cookie) => request({ ...given, cookie }));
          const bytes = join(HANDSHAKE, ...numbered);
          const whole = await answers(bytes, [], false);
          expect(whole.length).toBeGreaterThan(requests.length);
          expect(await answers(bytes, cuts, settling)).toEqual(whole);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('says the same to single bytes', async () => {
    const writes = [0, PAGE].map((offset) => ({ type: 1, offset, data: pattern(offset, 700) }));
    const requests = [...writes, { type: 0, length: 2 * PAGE }, { type: 7, length: SIZE }];
    const bytes = join(HANDSHAKE, ...requests.map(request), request({ type: 2 }));
    const each = Array.from({ length: bytes.length }, (_, at) => at);
    const whole = await answers(bytes, [], false);
    expect(whole).toHaveLength(1 + 4);
    expect(await answers(bytes, each, false)).toEqual(whole);
  });
});

/** Commands that can be served, in any order. */
const commands = fc.array(
  fc.record({
    what: fc.constantFrom('write', 'zeroes', 'trim', 'read', 'flush', 'status'),
    offset: fc.nat(SIZE - 1),
    length: fc.integer({ min: 1, max: 3 * PAGE }),
    flag: fc.boolean(),
  }),
  { maxLength: 40 },
);

describe('the server, as its client sees it', () => {
  it('is a plain buffer, of which it tells what was touched', async () => {
    await fc.assert(
      fc.asyncProperty(commands, fc.boolean(), async (list, structured) => {
        const served = serve({ size: SIZE });
        const client = await connectNbdOver(served.open().stream, {
          exportName: 'disk',
          clock: served.clock,
          structuredReplies: structured,
          metaContexts: [DIRTY],
        });
        const model = Buffer.alloc(SIZE);
        const dirty = new Set<number>();
        for (const command of list) await check(client, command, model, dirty);
        expect(served.storage.bytes.equals(model)).toBe(true);
        await client.close();
      }),
      { numRuns: 60 },
    );
  });
});

async function check(
  client: NbdConnection,
  {
    what,
    offset,
    length: wanted,
    flag,
  }: { what: string; offset: number; length: number; flag: boolean },
  model: Buffer,
  dirty: Set<number>,
): Promise<void> {
  const length = Math.min(wanted, SIZE - offset);
  const touch = (start: number, end: number) => {
    for (let page = Math.floor(start / PAGE); page * PAGE < end; page++) dirty.add(page);
  };
  if (what === 'write') {
    const data = pattern(offset + dirty.size, length);
    await client.write(offset, [data.subarray(0, length >> 1), data.subarray(length >> 1)]);
    data.copy(model, offset);
    touch(offset, offset + length);
  } else if (what === 'zeroes') {
    await client.writeZeroes(offset, length, { mayTrim: flag });
    model.fill(0, offset, offset + length);
    touch(offset, offset + length);
  } else if (what === 'trim') {
    await client.trim(offset, length, { fua: flag });
    const start = Math.ceil(offset / PAGE) * PAGE;
    const end = Math.floor((offset + length) / PAGE) * PAGE;
    if (end > start) {
      model.fill(0, start, end);
      touch(start, end);
    }
  } else if (what === 'read') {
    const { pieces } = await client.read(offset, length, { dontFragment: flag });
    const parts = pieces.map((piece) => (piece.hole ? Buffer.alloc(piece.length) : piece.data));
    expect(Buffer.concat(parts).equals(model.subarray(offset, offset + length))).toBe(true);
  } else if (what === 'flush') {
    await client.flush();
  } else if (client.info.structuredReplies) {
    await client.blockStatus(DIRTY, offset, length, (at, run, flags) => {
      for (let page = Math.floor(at / PAGE); page * PAGE < at + run; page++)
        expect(dirty.has(page)).toBe(flags === 1);
    });
  }
}

describe('whatever a client sends', () => {
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    anyRequest.map(request),
    fc.constantFrom(option(3), option(8), HANDSHAKE.subarray(4), request({ type: 2 })),
    fc
      .record({ number: fc.nat(12), data: fc.uint8Array({ maxLength: 60 }), lie: fc.nat(70_000) })
      .map(({ number, data, lie }) => option(number, data, lie % 3 === 0 ? lie : undefined)),
  );

  it('the server ends with it, and holds nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(garbage, { maxLength: 8 }),
        fc.constantFrom('end', 'destroy', 'error', 'late'),
        async (shaken, parts, ending) => {
          const storage = new MemoryStorage(SIZE);
          const { server, clock } = serve({ storage });
          const tape = new Tape({ allowHalfOpen: false });
          const gone = server.serve(tape, 'client');
          tape.push(shaken ? HANDSHAKE : u32(3));
          for (const part of parts) {
            if (tape.destroyed) break;
            tape.push(part);
            await settle();
          }
          if (ending === 'late') void server.close();
          else if (ending === 'end') tape.push(null);
          else tape.destroy(ending === 'error' ? new Error('read ECONNRESET') : undefined);
          await settle();
          clock.advance(20_000);
          await gone;
          expect(tape.destroyed).toBe(true);
          expect(clock.sleeping).toBe(0);
          await server.close();
        },
      ),
      { numRuns: 100 },
    );
  });
});
