import { describe, expect, it } from 'vitest';
import { BASE_ALLOCATION } from '../../../src/nbd/index.js';
import { infoBlockSize, infoExport, join, u16, u32, u64 } from '../nbd/support/bytes.js';
import { settle } from '../nbd/support/fake-server.js';
import { MemoryStorage } from './support/memory-storage.js';
import {
  contextData,
  DIRTY,
  goData,
  MIB,
  option,
  RawClient,
  request,
  serve,
  string,
  type RawOptionReply,
} from './support/raw-client.js';

const ERR = 2 ** 31;
/** Flush, FUA, trim, zeroes, multi-conn, cache, fast zero. */
const FLAGS = 0b1101_0110_1101;
const WITH_DF = FLAGS | 0b1000_0000;

const texts = (replies: readonly RawOptionReply[], skip: number): string[] =>
  replies.slice(0, -1).map(({ data }) => data.toString('utf8', skip));

const refusal = (replies: readonly RawOptionReply[]): [type: number, message: string] => {
  expect(replies).toHaveLength(1);
  return [replies[0]!.type - ERR, replies[0]!.data.toString()];
};

describe('the greeting', () => {
  it('offers fixed newstyle and no zeroes', async () => {
    const client = serve().connect();
    expect(await client.receive(18)).toEqual(join('NBDMAGIC', 'IHAVEOPT', u16(3)));
  });

  it('ends with a client whose flags are not known', async () => {
    const { connect, said } = serve();
    const client = await connect().greet(4);
    expect(await client.rest()).toHaveLength(0);
    expect(said.at(-1)).toMatch(
      /^warn: client 1 broke the NBD protocol during the handshake: it sent the client flags 0x4/,
    );
  });

  it('ends with a client whose option has another magic', async () => {
    const { connect, said } = serve();
    const client = await connect().greet();
    client.send('IHAVEOPS', u32(3), u32(0));
    expect(await client.rest()).toHaveLength(0);
    expect(said.at(-1)).toMatch(/it sent an option with magic 0x49484156454f5053\.$/);
  });

  it('gives up a client that takes its time', async () => {
    const { open, clock, said } = serve({}, { handshakeTimeout: 3000 });
    const { stream, gone } = open();
    const client = new RawClient(stream);
    await client.greet();
    clock.advance(3000);
    await gone;
    expect(await client.rest()).toHaveLength(0);
    expect(said[0]).toBe('warn: client 1 took more than 3000 ms for its handshake.');
    expect(clock.sleeping).toBe(0);
  });

  it('has no time limit any more once the client transmits', async () => {
    const { connect, clock } = serve();
    const client = await connect().go('disk');
    expect(clock.sleeping).toBe(0);
    client.send(request({ type: 3 }));
    expect((await client.reply()).error).toBe(0);
  });
});

describe('newstyle that is not fixed', () => {
  it('takes NBD_OPT_EXPORT_NAME, and sends 124 zeroes unless both can do without', async () => {
    for (const [flags, zeroes] of [
      [0, 124],
      [1, 124],
      [2, 0],
      [3, 0],
    ] as const) {
      const { connect } = serve();
      const client = await connect().greet(flags);
      client.send(option(1, 'disk'));
      const answer = await client.receive(10 + zeroes);
      expect(answer).toEqual(join(u64(MIB), u16(FLAGS), Buffer.alloc(zeroes)));
      client.send(request({ type: 0, length: 512 }));
      expect((await client.reply(512)).data).toEqual(Buffer.alloc(512));
    }
  });

  it('ends with any other option', async () => {
    const client = await serve().connect().greet(0);
    client.send(option(3));
    expect(await client.rest()).toHaveLength(0);
  });

  it('ends when the export is not there, or its name can be none', async () => {
    for (const name of ['disks', '', Buffer.from([0xff]), 'x'.repeat(5000)]) {
      const { connect, said } = serve();
      const client = await connect().greet();
      client.send(option(1, name));
      expect(await client.rest()).toHaveLength(0);
      expect(said.at(-1)).toMatch(/asked for the export "|an export's name of 5000 bytes/);
    }
  });
});

describe('options', () => {
  it('lists exports with their descriptions', async () => {
    const { server, connect } = serve({ description: 'A disk' });
    const other = { storage: new MemoryStorage(512), readOnly: true, canMultiConn: false };
    server.addExport({ name: '', metaContexts: [], ...other });
    const replies = await (await connect().greet()).ask(3);
    expect(replies.map(({ type }) => type)).toEqual([2, 2, 1]);
    expect(replies.map(({ data }) => data)).toEqual([
      join(u32(4), 'diskA disk'),
      u32(0),
      Buffer.alloc(0),
    ]);
  });

  it.each([3, 5, 8])('refuses data with option %i', async (number) => {
    const client = await serve().connect().greet();
    const [type, message] = refusal(await client.ask(number, 'data'));
    expect(type).toBe(3);
    expect(message).toMatch(/^NBD_OPT_\w+ takes no data\.$/);
    expect((await client.ask(3)).at(-1)!.type).toBe(1);
  });

  it('has no TLS', async () => {
    const client = await serve().connect().greet();
    expect(refusal(await client.ask(5))).toEqual([2, 'This server is configured without TLS.']);
  });

  it.each([0, 4, 11, 0xffff_ffff])('does not know option %i, whatever its data', async (number) => {
    const client = await serve().connect().greet();
    for (const data of [Buffer.alloc(0), Buffer.alloc(300_000, 'x')]) {
      const [type, message] = refusal(await client.ask(number, data));
      expect(type).toBe(1);
      expect(message).toMatch(/^This server does not know /);
    }
    expect((await client.ask(3)).at(-1)!.type).toBe(1);
  });

  it('acknowledges NBD_OPT_ABORT, whatever its data, and ends', async () => {
    const { open } = serve();
    const { stream, gone } = open();
    const client = await new RawClient(stream).greet();
    expect(await client.ask(2, 'I go')).toEqual([{ option: 2, type: 1, data: Buffer.alloc(0) }]);
    expect(await client.rest()).toHaveLength(0);
    await gone;
  });

  it('negotiates structured replies once', async () => {
    const client = await serve().connect().greet();
    expect((await client.ask(8)).map(({ type }) => type)).toEqual([1]);
    const again = refusal(await client.ask(8));
    expect(again).toEqual([3, 'Structured replies are negotiated already.']);
  });

  it('skips data that are too long, and refuses them', async () => {
    const client = await serve().connect().greet();
    const [type, message] = refusal(await client.ask(6, Buffer.alloc(256 * 1024 + 1)));
    expect([type, message]).toEqual([
      9,
      'NBD_OPT_INFO has 262145 bytes of data; 262144 are the most.',
    ]);
    expect((await client.ask(3)).at(-1)!.type).toBe(1);
  });
});

describe.each([6, 7])('NBD_OPT_INFO and NBD_OPT_GO (%i)', (number) => {
  it('tell size, flags and block sizes', async () => {
    const client = await serve().connect().greet();
    const replies = await client.ask(number, goData('disk'));
    expect(replies.map(({ type }) => type)).toEqual([3, 3, 1]);
    expect(replies.map(({ data }) => data).slice(0, -1)).toEqual([
      infoBlockSize(1, 4096, 32 * MIB),
      infoExport(MIB, FLAGS),
    ]);
  });

  it('tell name and description, and NBD_FLAG_SEND_DF after structured replies', async () => {
    const { connect } = serve({ description: 'A disk' });
    const client = await connect().greet();
    await client.ask(8);
    const replies = await client.ask(number, goData('disk', 0, 1, 2, 3, 77));
    expect(replies.map(({ data }) => data).slice(0, -1)).toEqual([
      join(u16(1), 'disk'),
      join(u16(2), 'A disk'),
      infoBlockSize(1, 4096, 32 * MIB),
      infoExport(MIB, WITH_DF),
    ]);
  });

  it('tell the constraints and flags of an export that has its own', async () => {
    const sizes = { minimumBlock: 512, preferredBlock: 65_536, maximumPayload: 2 * MIB };
    const { connect } = serve({ ...sizes, readOnly: true, canMultiConn: false });
    const client = await connect().greet();
    const replies = await client.ask(number, goData('disk', 3));
    expect(replies.map(({ data }) => data).slice(0, -1)).toEqual([
      infoBlockSize(512, 65_536, 2 * MIB),
      infoExport(MIB, 0b100_0000_1111),
    ]);
  });

  it('refuse an export that is not there, and go on', async () => {
    const client = await serve().connect().greet();
    const answer = refusal(await client.ask(number, goData('nosuch')));
    expect(answer).toEqual([6, 'There is no export "nosuch" on this server.']);
    const bad = refusal(await client.ask(number, join(string(Buffer.from([0xc0])), u16(0))));
    expect(bad[0]).toBe(6);
    expect((await client.ask(number, goData('disk'))).at(-1)!.type).toBe(1);
  });

  it.each([
    ['is shorter than it says', join(u32(5), 'disk')],
    ['is shorter than it says', join(string('disk'), u16(2), u16(0))],
    ['is shorter than it says', string('disk')],
    ['is shorter than it says', Buffer.alloc(0)],
    ['has 1 bytes more than it says', join(goData('disk'), 'x')],
    ['has a string of 4097 bytes; 4096 are the most', goData('x'.repeat(4097))],
  ])('refuse data that %s', async (what, data) => {
    const client = await serve().connect().greet();
    const [type, message] = refusal(await client.ask(number, data));
    expect([type, message.replace(/^NBD_OPT_(INFO|GO) /, '')]).toEqual([3, `${what}.`]);
  });
});

describe('meta contexts', () => {
  const others = ['qemu:dirty-bitmap:b1', 'qemu:allocation-depth', 'x-lab:heat'];
  const all = [BASE_ALLOCATION, DIRTY, ...others];

  it.each([
    [[], all],
    [['base:'], [BASE_ALLOCATION]],
    [['qemu:'], [DIRTY, 'qemu:dirty-bitmap:b1', 'qemu:allocation-depth']],
    [['qemu:dirty-bitmap:'], [DIRTY, 'qemu:dirty-bitmap:b1']],
    [
      ['x-lab:heat', 'base:allocation'],
      [BASE_ALLOCATION, 'x-lab:heat'],
    ],
    [['base:nosuch', 'other:thing', 'no colon', ''], []],
    [['qemu:dirty-bitmap:b', 'base:allocatio'], []],
  ])('are listed for the queries %j', async (queries, expected) => {
    const client = await serve({ metaContexts: all }).connect().greet();
    const replies = await client.ask(9, contextData('disk', ...queries));
    expect(texts(replies, 4)).toEqual(expected);
    expect(replies.slice(0, -1).every(({ data }) => data.readUInt32BE(0) === 0)).toBe(true);
  });

  it.each([
    [[], []],
    [['base:', 'qemu:', 'qemu:dirty-bitmap:'], []],
    [
      [DIRTY, 'base:allocation', DIRTY, 'qemu:dirty-bitmap:b9'],
      [BASE_ALLOCATION, DIRTY],
    ],
  ])('are set for the queries %j', async (queries, expected) => {
    const client = await serve({ metaContexts: all }).connect().greet();
    await client.ask(8);
    const replies = await client.ask(10, contextData('disk', ...queries));
    expect(texts(replies, 4)).toEqual(expected);
    const ids = replies.slice(0, -1).map(({ data }) => data.readUInt32BE(0));
    expect(new Set(ids).size).toBe(expected.length);
  });

  it('are not set without structured replies', async () => {
    const client = await serve().connect().greet();
    const [type, message] = refusal(await client.ask(10, contextData('disk', 'base:allocation')));
    expect([type, message.slice(0, 43)]).toEqual([
      3,
      'Structured replies have to be negotiated be',
    ]);
  });

  it('are refused for an export that is not there, and by data that do not fit', async () => {
    const client = await serve().connect().greet();
    await client.ask(8);
    for (const number of [9, 10]) {
      expect(refusal(await client.ask(number, contextData('nosuch')))[0]).toBe(6);
      const lying = join(string('disk'), u32(2), string('base:'));
      expect(refusal(await client.ask(number, lying))[0]).toBe(3);
      const many = join(string('disk'), u32(1025));
      expect(refusal(await client.ask(number, many))).toEqual([
        9,
        expect.stringMatching(/has 1025 queries; 1024 are the most\.$/),
      ]);
    }
  });

  it.each([
    ['of another export', contextData('other', BASE_ALLOCATION)],
    ['that were replaced by none', contextData('disk')],
    ['that a refused option replaced', contextData('nosuch', BASE_ALLOCATION)],
  ])('%s do not count', async (_, last) => {
    const { server, connect } = serve();
    const storage = new MemoryStorage(MIB);
    const metaContexts = [BASE_ALLOCATION];
    const rest = { readOnly: false, canMultiConn: false, metaContexts };
    server.addExport({ name: 'other', storage, ...rest });
    const client = await connect().greet();
    await client.ask(8);
    await client.ask(10, contextData('disk', BASE_ALLOCATION));
    await client.ask(10, last);
    await client.ask(7, goData('disk'));
    const [errno, message] = await client.failure({ type: 7, length: 512 });
    expect(errno).toBe(22);
    expect(message).toMatch(/: no meta context was negotiated\.$/);
  });
});

describe('a client that leaves or floods during the handshake', () => {
  it.each(['end', 'destroy'] as const)('is forgotten (%s)', async (how) => {
    const { open, clock } = serve();
    const { stream, gone } = open();
    const client = await new RawClient(stream).greet();
    client.send('IHAVE');
    await settle();
    stream[how]();
    await gone;
    expect(clock.sleeping).toBe(0);
  });

  it('is read no further while it takes no answers', async () => {
    const { open } = serve();
    const { stream } = open();
    stream.on('error', () => undefined);
    stream.write(u32(3));
    const list = option(3);
    const options = Buffer.concat(Array.from({ length: 1000 }, () => list));
    for (let count = 0; count < 200; count++) stream.write(options);
    await settle();
    expect(stream.writableLength).toBeGreaterThan(150 * options.length);
    stream.destroy();
  });
});
