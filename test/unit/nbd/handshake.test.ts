import { describe, expect, it } from 'vitest';
import {
  greeting,
  infoBlockSize,
  infoExport,
  join,
  optionReply,
  u16,
  u32,
  u64,
} from './support/bytes.js';
import {
  ALL_FLAGS,
  rejection,
  settle,
  startClient,
  type FakeServer,
  type Rejection,
} from './support/fake-server.js';

const ERROR = 2 ** 31;
const FULL = { metaContexts: ['base:allocation', 'qemu:dirty-bitmap:b'], exportName: 'dísk' };

describe('the handshake', () => {
  it('asks for structured replies, meta contexts and block sizes, and reports what was agreed on', async () => {
    const { server, connecting } = startClient(FULL);
    expect(await server.greet()).toBe(3);
    expect(await server.option()).toEqual({ option: 8, data: Buffer.alloc(0) });
    server.send(optionReply(8, 1));
    const name = join(u32(5), 'dísk');
    const context = await server.option();
    expect(context.option).toBe(10);
    expect(context.data).toEqual(
      join(name, u32(2), u32(15), 'base:allocation', u32(19), 'qemu:dirty-bitmap:b'),
    );
    server.send(optionReply(10, 4, join(u32(77), 'base:allocation')), optionReply(10, 1));
    const go = await server.option();
    expect(go).toEqual({ option: 7, data: join(name, u16(1), u16(3)) });
    server.send(
      optionReply(7, 3, join(u16(2), 'a description')),
      optionReply(7, 3, infoExport(2 ** 40, 0b1_0000_0011)),
      optionReply(7, 3, infoBlockSize(512, 4096, 2 ** 32 - 1)),
      optionReply(7, 1),
    );
    expect((await connecting).info).toEqual({
      size: 2 ** 40,
      readOnly: true,
      canFlush: false,
      canFua: false,
      canTrim: false,
      canWriteZeroes: false,
      canFastZero: false,
      canDontFragment: false,
      canMultiConn: true,
      minimumBlock: 512,
      preferredBlock: 4096,
      maximumPayload: 2 ** 25,
      structuredReplies: true,
      metaContexts: ['base:allocation'],
    });
  });

  it('does without structured replies where they are refused, and then without contexts', async () => {
    const { server, connecting } = startClient(FULL);
    await server.handshake({ structured: false });
    const { info } = await connecting;
    expect(info.structuredReplies).toBe(false);
    expect(info.canDontFragment).toBe(false);
    expect(info.metaContexts).toEqual([]);
  });

  it('does not ask for structured replies when told so', async () => {
    const { server, connecting } = startClient({ structuredReplies: false });
    await server.greet();
    expect((await server.option()).option).toBe(7);
    server.send(optionReply(7, 3, infoExport(512, 1)), optionReply(7, 1));
    expect((await connecting).info.structuredReplies).toBe(false);
  });

  it('does without meta contexts where they are refused, disregarding those already named', async () => {
    const { server, connecting } = startClient(FULL);
    await server.greet();
    await server.option();
    server.send(optionReply(8, 1));
    await server.option();
    server.send(optionReply(10, 4, join(u32(1), 'base:allocation')));
    server.send(optionReply(10, ERROR + 9, 'too many'));
    await server.option();
    server.send(optionReply(7, 3, infoExport(512, 1)), optionReply(7, 1));
    expect((await connecting).info.metaContexts).toEqual([]);
  });

  it('uses the defaults of the specification where the server states no block sizes', async () => {
    const { server, connecting } = startClient();
    await server.handshake({ size: 1001 });
    const { size, minimumBlock, preferredBlock, maximumPayload } = (await connecting).info;
    expect([size, minimumBlock, preferredBlock, maximumPayload]).toEqual([1001, 1, 4096, 2 ** 25]);
  });

  it.each([
    ['without zeroes', 3, 0],
    ['with zeroes', 1, 124],
  ])('falls back to NBD_OPT_EXPORT_NAME, %s', async (_, flags, zeroes) => {
    const { server, connecting } = startClient({ exportName: 'disk' });
    server.send(greeting(flags));
    expect((await server.receive(4)).readUInt32BE()).toBe(flags);
    await server.option();
    server.send(optionReply(8, ERROR + 1));
    await server.option();
    server.send(optionReply(7, ERROR + 1));
    const option = await server.option();
    expect(option).toEqual({ option: 1, data: Buffer.from('disk') });
    server.send(join(u64(4096), u16(ALL_FLAGS), Buffer.alloc(zeroes)));
    const client = await connecting;
    expect(client.info.size).toBe(4096);
    const read = client.read(0, 4);
    const { cookie } = await server.request();
    server.send(join(u32(0x67446698), u32(0), u64(cookie), 'data'));
    expect((await read).length).toBe(4);
  });
});

describe('a refused export', () => {
  async function refuse(type: number, text = '', list?: Buffer): Promise<Rejection> {
    const { server, connecting } = startClient({ exportName: 'nosuch', structuredReplies: false });
    await server.greet();
    await server.option();
    server.send(optionReply(7, type, text));
    if (list) {
      expect((await server.option()).option).toBe(3);
      server.send(list);
    }
    expect((await server.option()).option).toBe(2);
    server.send(optionReply(2, 1));
    expect((await server.untilClosed()).length).toBe(0);
    return await rejection(connecting);
  }

  it.each([
    ['NBD_REP_ERR_POLICY', ERROR + 2, "The server's configuration forbids it"],
    ['NBD_REP_ERR_INVALID', ERROR + 3, 'The server takes the request for invalid'],
    ['NBD_REP_ERR_PLATFORM', ERROR + 4, 'The server was built without'],
    ['NBD_REP_ERR_TLS_REQD', ERROR + 5, 'The server wants TLS'],
    ['NBD_REP_ERR_SHUTDOWN', ERROR + 7, 'The server is shutting down'],
    ['NBD_REP_ERR_BLOCK_SIZE_REQD', ERROR + 8, 'The server insists on block sizes'],
    ['NBD_REP_ERR_TOO_BIG', ERROR + 9, 'The server takes the request for too large'],
    ['reply type 0x8000004d', ERROR + 77, "The server's own log"],
  ])('is given up: %s', async (name, type, hint) => {
    const error = await refuse(type, 'because');
    expect(error.kind).toBe('nbd-option');
    expect(error.replyType).toBe(type);
    expect(error.message).toBe(`the fake server refused NBD_OPT_GO with ${name}: because`);
    expect(error.hint).toContain(hint);
  });

  it('names the exports that are there', async () => {
    const server = (name: string): Buffer =>
      optionReply(3, 2, join(u32(name.length), name, 'text'));
    const list = join(server('a'), server(''), optionReply(3, 1));
    const error = await refuse(ERROR + 6, '', list);
    expect(error.message).toBe('the fake server refused NBD_OPT_GO with NBD_REP_ERR_UNKNOWN');
    expect(error.hint).toBe('There is no export "nosuch". Exports there: "a", "".');
  });

  it('names some of many exports', async () => {
    const server = (name: string): Buffer => optionReply(3, 2, join(u32(name.length), name));
    const names = Array.from({ length: 30 }, (_, index) => `disk${index}`);
    const error = await refuse(ERROR + 6, '', join(...names.map(server), optionReply(3, 1)));
    expect(error.hint).toContain('"disk15" and 14 more.');
  });

  it('says so when there are none, or when the server does not tell', async () => {
    expect((await refuse(ERROR + 6, '', optionReply(3, 1))).hint).toContain('lists none');
    const silent = await refuse(ERROR + 6, '', optionReply(3, ERROR + 2));
    expect(silent.hint).toContain('does not tell');
  });

  it.each([
    ['a malformed list', optionReply(3, 2, u32(5))],
    [
      'a list that never ends',
      Buffer.concat(Array.from({ length: 10_001 }, () => optionReply(3, 2, u32(0)))),
    ],
  ])('is reported all the same after %s', async (_, list) => {
    const { server, connecting } = startClient({ structuredReplies: false });
    await server.greet();
    await server.option();
    server.send(optionReply(7, ERROR + 6));
    await server.option();
    server.send(list);
    expect(await rejection(connecting)).toMatchObject({ kind: 'nbd-option', replyType: ERROR + 6 });
    await server.untilClosed();
  });

  it('is reported all the same when the server hangs up instead of listing', async () => {
    const { server, connecting } = startClient({ structuredReplies: false });
    await server.greet();
    await server.option();
    server.send(optionReply(7, ERROR + 6));
    await server.option();
    server.stream.destroy();
    expect(await rejection(connecting)).toMatchObject({ kind: 'nbd-option', replyType: ERROR + 6 });
  });

  it('is a refused NBD_OPT_STRUCTURED_REPLY already where the server wants TLS', async () => {
    const { server, connecting } = startClient();
    await server.greet();
    await server.option();
    server.send(optionReply(8, ERROR + 5));
    expect((await server.option()).option).toBe(2);
    server.stream.destroy();
    expect(await rejection(connecting)).toMatchObject({ kind: 'nbd-option', replyType: ERROR + 5 });
  });
});

describe('a malformed handshake', () => {
  /** Each plays the server up to its offence. */
  const offences: Record<
    string,
    [said: string, play: (server: FakeServer) => Promise<void> | void]
  > = {
    'another protocol': [
      'it greets with "SSH-2.0-"',
      (server) => server.send(Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n')),
    ],
    'a wrong second magic': [
      'it greets with the second magic',
      (server) => server.send(join('NBDMAGIC', 'IHAVEOPS', u16(3))),
    ],
    'a wrong reply magic': [
      'an option reply with magic 0x',
      async (server) => {
        await first(server);
        server.send(join(u64(1), u32(8), u32(1), u32(0)));
      },
    ],
    'a reply to another option': [
      'a reply to NBD_OPT_GO instead of NBD_OPT_STRUCTURED_REPLY',
      async (server) => {
        await first(server);
        server.send(optionReply(7, 1));
      },
    ],
    'a reply of another kind': [
      'NBD_REP_SERVER to NBD_OPT_STRUCTURED_REPLY',
      async (server) => {
        await first(server);
        server.send(optionReply(8, 2, u32(0)));
      },
    ],
    'an acknowledgement with data': [
      'NBD_REP_ACK to NBD_OPT_STRUCTURED_REPLY with data',
      async (server) => {
        await first(server);
        server.send(optionReply(8, 1, 'x'));
      },
    ],
    'an oversized reply': [
      'NBD_REP_ERR_POLICY to NBD_OPT_STRUCTURED_REPLY of 4294967295 bytes',
      async (server) => {
        await first(server);
        server.send(join(u64(0x3e889045565a9n), u32(8), u32(ERROR + 2), u32(2 ** 32 - 1)));
      },
    ],
    'a reply to NBD_OPT_SET_META_CONTEXT of another kind': [
      'NBD_REP_INFO to NBD_OPT_SET_META_CONTEXT',
      (server) => contexts(server, optionReply(10, 3, u16(0))),
    ],
    'a context without name': [
      'an NBD_REP_META_CONTEXT of 4 bytes',
      (server) => contexts(server, optionReply(10, 4, u32(1))),
    ],
    'an oversized context': [
      'an NBD_REP_META_CONTEXT of 4101 bytes',
      (server) => contexts(server, optionReply(10, 4, join(u32(1), 'x'.repeat(4097)))),
    ],
    'a context that was not asked for': [
      'the meta context "base:other", which was not asked for',
      (server) => contexts(server, optionReply(10, 4, join(u32(1), 'base:other'))),
    ],
    'a context twice': [
      'the meta context "base:allocation" twice',
      (server) =>
        contexts(
          server,
          optionReply(10, 4, join(u32(1), 'base:allocation')),
          optionReply(10, 4, join(u32(2), 'base:allocation')),
        ),
    ],
    'an id for two contexts': [
      'the id 1 for two meta contexts',
      (server) =>
        contexts(
          server,
          optionReply(10, 4, join(u32(1), 'base:allocation')),
          optionReply(10, 4, join(u32(1), 'qemu:dirty-bitmap:b')),
        ),
    ],
    'NBD_OPT_GO without NBD_INFO_EXPORT': [
      'NBD_OPT_GO acknowledged without NBD_INFO_EXPORT',
      (server) => go(server, optionReply(7, 1)),
    ],
    'a reply to NBD_OPT_GO of another kind': [
      'NBD_REP_SERVER to NBD_OPT_GO',
      (server) => go(server, optionReply(7, 2, u32(0))),
    ],
    'an information without type': [
      'an NBD_REP_INFO of 1 bytes',
      (server) => go(server, optionReply(7, 3, 'x')),
    ],
    'a short NBD_INFO_EXPORT': [
      'an NBD_INFO_EXPORT of 11 bytes',
      (server) => go(server, optionReply(7, 3, infoExport(1, 1).subarray(0, 11))),
    ],
    'a long NBD_INFO_BLOCK_SIZE': [
      'an NBD_INFO_BLOCK_SIZE of 15 bytes',
      (server) => go(server, optionReply(7, 3, join(infoBlockSize(1, 4096, 4096), 'x'))),
    ],
    'informations without end': [
      '257 replies to NBD_OPT_GO',
      (server) => go(server, ...Array.from({ length: 257 }, () => optionReply(7, 3, u16(9)))),
    ],
    'transmission flags without NBD_FLAG_HAS_FLAGS': [
      'transmission flags 0x4 without NBD_FLAG_HAS_FLAGS',
      (server) => went(server, 4096, 4),
    ],
    'a minimum block of 0': [
      'a minimum block of 0 bytes',
      (server) => went(server, 4096, 1, 0, 4096, 4096),
    ],
    'a minimum block that is no power of two': [
      'a minimum block of 3 bytes',
      (server) => went(server, 4096, 1, 3, 4096, 4096),
    ],
    'a minimum block beyond 64 KiB': [
      'a minimum block of 131072 bytes',
      (server) => went(server, 2 ** 20, 1, 2 ** 17, 2 ** 17, 2 ** 20),
    ],
    'a preferred block below 512': [
      'a preferred block of 256 bytes',
      (server) => went(server, 4096, 1, 1, 256, 4096),
    ],
    'a preferred block below the minimum': [
      'a preferred block of 512 bytes',
      (server) => went(server, 4096, 1, 4096, 512, 4096),
    ],
    'a preferred block that is no power of two': [
      'a preferred block of 1000 bytes',
      (server) => went(server, 4096, 1, 1, 1000, 4096),
    ],
    'a maximum payload below the preferred block': [
      'a maximum payload of 2048 bytes',
      (server) => went(server, 4096, 1, 1, 4096, 2048),
    ],
    'a size that the minimum block does not divide': [
      "1000 bytes, which its minimum block of 512 can't reach",
      (server) => went(server, 1000, 1, 512, 512, 4096),
    ],
  };

  async function first(server: FakeServer): Promise<void> {
    await server.greet();
    await server.option();
  }
  async function contexts(server: FakeServer, ...replies: Buffer[]): Promise<void> {
    await first(server);
    server.send(optionReply(8, 1));
    await server.option();
    server.send(...replies);
  }
  async function go(server: FakeServer, ...replies: Buffer[]): Promise<void> {
    await contexts(server, optionReply(10, 1));
    await server.option();
    server.send(...replies);
  }
  async function went(
    server: FakeServer,
    size: number,
    flags: number,
    ...blocks: number[]
  ): Promise<void> {
    const [minimum, preferred, maximum] = blocks;
    const sizes =
      minimum === undefined
        ? []
        : [optionReply(7, 3, infoBlockSize(minimum, preferred!, maximum!))];
    await go(server, optionReply(7, 3, infoExport(size, flags)), ...sizes, optionReply(7, 1));
  }

  it.each(Object.entries(offences))('with %s is a ProtocolError', async (_, [said, play]) => {
    const { server, connecting } = startClient(FULL);
    await play(server);
    const error = await rejection(connecting);
    expect(error).toMatchObject({ kind: 'protocol' });
    expect(error.message).toMatch(/^the fake server broke the NBD protocol/);
    expect(error.message).toContain(said);
    await server.untilClosed();
  });

  it.each([
    ['oldstyle', join('NBDMAGIC', u64(0x00420281861253n), Buffer.alloc(136))],
    ['newstyle that is not fixed', greeting(0)],
  ])('of the %s kind is a ProtocolError with a hint', async (style, bytes) => {
    const { server, connecting } = startClient();
    server.send(bytes);
    const error = await rejection(connecting);
    expect(error).toMatchObject({
      kind: 'protocol',
      message: `the fake server speaks only the ${style} handshake of NBD.`,
    });
    expect(error).toHaveProperty('hint', expect.stringContaining('fixed newstyle'));
    await server.untilClosed();
  });

  it('with a flood that was not asked for is a ProtocolError', async () => {
    const { server, connecting } = startClient();
    server.send(optionReply(8, 1));
    const error = await rejection(connecting);
    expect(error).toMatchObject({ kind: 'protocol' });

    const flooded = startClient();
    await flooded.server.greet();
    await flooded.server.option();
    flooded.server.send(join(u64(0x3e889045565a9n), u32(8)));
    for (let sent = 0; sent < 5; sent++) flooded.server.send(Buffer.alloc(2 ** 20));
    expect(await rejection(flooded.connecting)).toMatchObject({ kind: 'protocol' });
    await flooded.server.untilClosed();
  });

  it('with an export beyond 8 PiB is a LimitError', async () => {
    const { server, connecting } = startClient();
    await server.handshake({ size: 2 ** 53 });
    const error = await rejection(connecting);
    expect(error).toMatchObject({ kind: 'limit' });
    expect(error.message).toMatch(/^the fake server has 9007199254740992 bytes/);
  });
});

describe('a connection that is lost during the handshake', () => {
  it.each([0, 1, 2])('rejects with ConnectionLostError, at step %i', async (step) => {
    const { server, connecting } = startClient();
    if (step > 0) await server.greet();
    if (step > 1) server.send(optionReply(8, 1).subarray(0, 7));
    await settle();
    server.stream.destroy();
    const error = await rejection(connecting);
    expect(error).toMatchObject({
      kind: 'connection-lost',
      message: 'the fake server ended the connection during the handshake.',
    });
    expect(error).toHaveProperty('hint', expect.stringContaining('log'));
  });
});
