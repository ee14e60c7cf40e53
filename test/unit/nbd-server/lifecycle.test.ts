import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../../src/base/errors.js';
import { BASE_ALLOCATION, NbdServer, type ServedExport } from '../../../src/nbd/index.js';
import { rejection, settle } from '../nbd/support/fake-server.js';
import { MemoryStorage } from './support/memory-storage.js';
import { goData, MIB, RawClient, request, serve } from './support/raw-client.js';

const READ = 0;
const WRITE = 1;
const FLUSH = 3;
const ESHUTDOWN = 108;

const offered = (given: Partial<ServedExport> = {}): ServedExport => ({
  name: 'disk',
  storage: new MemoryStorage(MIB),
  readOnly: false,
  metaContexts: [],
  canMultiConn: false,
  ...given,
});

/** A storage whose calls wait until they are let go, or until they are told to give up. */
function hanging(storage: MemoryStorage): { aborted: number; release(): void } {
  const gates: (() => void)[] = [];
  const state = { aborted: 0, release: () => gates.splice(0).forEach((gate) => gate()) };
  storage.onCall = (_, signal) =>
    new Promise((resolve) => {
      gates.push(resolve);
      signal.addEventListener('abort', () => state.aborted++);
    });
  return state;
}

describe('exports', () => {
  it('are told in the order in which they were added', async () => {
    const { server } = serve();
    const second = offered({ name: '' });
    server.addExport(second);
    expect(server.exports.map(({ name }) => name)).toEqual(['disk', '']);
    expect(server.exports[1]).toBe(second);
    await server.removeExport('disk', { hard: false });
    expect(server.exports).toEqual([second]);
  });

  it.each<[string, Partial<ServedExport>, string, RegExp]>([
    ['a name that is taken', {}, 'usage', /^The export "disk" is there already\.$/],
    ['a name with NUL', { name: 'a\0b' }, 'usage', /^The export "a\\u0000b" can't have the name/],
    [
      'a name that is too long',
      { name: 'x'.repeat(4097) },
      'usage',
      /can't have the name "x{80}…"/,
    ],
    ['half a character', { name: '\ud800' }, 'usage', /can't have the name/],
    ['such a description', { name: 'b', description: '\0' }, 'usage', /can't have the name/],
    ['a context without namespace', context('b0'), 'usage', /can't have the meta context "b0"/],
    ['a context without name', context('base:'), 'usage', /can't have the meta context "base:"/],
    ['a context twice', context('x:1', 'x:1'), 'usage', /names a meta context twice/],
    ['a minimum block of 3', block(3), 'limit', /can't have a minimum block of 3 bytes/],
    ['too large a minimum', block(131_072), 'limit', /a minimum block of 131072 bytes/],
    ['too small a preferred', block(1, 256), 'limit', /a preferred block of 256 bytes/],
    ['one below the minimum', block(4096, 512), 'limit', /a preferred block of 512 bytes/],
    ['too small a payload', block(1, 4096, 512), 'limit', /a maximum payload of 512 bytes/],
    ['too large a payload', block(1, 4096, 2 ** 26), 'limit', /a maximum payload of 67108864/],
    ['half a block', sized(1000, 512), 'limit', /can't have 1000 bytes in blocks of 512/],
    ['less than nothing', sized(-512, 512), 'limit', /can't have -512 bytes/],
    ['more than can be counted', sized(2 ** 53, 512), 'limit', /can't have 9007199254740992/],
  ])('are refused with %s', async (_, given, kind, message) => {
    const { server } = serve();
    const error = await rejection(Promise.resolve().then(() => server.addExport(offered(given))));
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(message);
    expect(server.exports).toHaveLength(1);
  });

  it('keep the default preferred block where the minimum allows it', () => {
    const { server } = serve();
    expect(() => server.addExport(offered(block(65_536)))).not.toThrow();
  });
});

function context(...metaContexts: string[]): Partial<ServedExport> {
  return { name: 'b', metaContexts };
}

function block(
  minimumBlock: number,
  preferredBlock?: number,
  maximumPayload?: number,
): Partial<ServedExport> {
  return {
    name: 'b',
    minimumBlock,
    ...(preferredBlock === undefined ? {} : { preferredBlock }),
    ...(maximumPayload === undefined ? {} : { maximumPayload }),
  };
}

function sized(size: number, minimumBlock: number): Partial<ServedExport> {
  const storage = Object.create(new MemoryStorage(0), { size: { value: size } }) as MemoryStorage;
  return { name: 'b', storage, minimumBlock };
}

describe('removing an export', () => {
  it('refuses while it is used, and says by whom', async () => {
    const { server, connect } = serve();
    const client = await connect().go('disk');
    await connect().greet();
    expect(server.clientsOf('disk')).toEqual(['client 1']);
    const error = await rejection(server.removeExport('disk', { hard: false }));
    expect(error).toMatchObject({ kind: 'usage' });
    expect(error.message).toBe('The export "disk" is in use by client 1.');
    client.stream.destroy();
    await settle();
    expect(server.clientsOf('disk')).toEqual([]);
    await server.removeExport('disk', { hard: false });
    expect(server.clientsOf('disk')).toEqual([]);
  });

  it('refuses what is not there', async () => {
    const error = await rejection(serve().server.removeExport('nosuch', { hard: true }));
    expect(error).toMatchObject({ kind: 'usage' });
    expect(error.message).toBe('There is no export "nosuch" to remove.');
  });

  it('hard: answers by NBD_ESHUTDOWN, sends the client away, and waits for the storage', async () => {
    const { server, storage, connect } = serve();
    const state = hanging(storage);
    const client = await connect().go('disk', []);
    client.send(request({ type: READ, cookie: 1, length: 512 }));
    client.send(request({ type: FLUSH, cookie: 2 }));
    client.send(request({ type: WRITE, cookie: 3, length: 512 }), 'not all of it');
    await settle();
    let removed = false;
    const removing = server.removeExport('disk', { hard: true }).then(() => (removed = true));
    for (const cookie of [1n, 2n, 3n]) {
      const reply = await client.reply();
      expect(reply).toMatchObject({ cookie, type: 0x8001 });
      expect(reply.data.readUInt32BE(0)).toBe(ESHUTDOWN);
      expect(reply.data.toString('utf8', 6)).toBe('The export is being taken away.');
    }
    expect(await client.rest()).toHaveLength(0);
    await settle();
    expect([removed, state.aborted]).toEqual([false, 2]);
    state.release();
    await removing;
    expect(removed).toBe(true);
    expect(server.exports).toEqual([]);
  });

  it('hard: leaves other clients alone', async () => {
    const { server, connect } = serve();
    server.addExport(offered({ name: 'other' }));
    const one = await connect().go('disk');
    const other = await connect().go('other');
    const early = await connect().greet();
    await server.removeExport('disk', { hard: true });
    expect(await one.rest()).toHaveLength(0);
    other.send(request({ type: FLUSH }));
    expect(await other.reply()).toMatchObject({ error: 0 });
    expect((await early.ask(7, goData('disk'))).at(-1)!.type).toBe(2 ** 31 + 6);
  });

  it('hard: gives up a client that does not read', async () => {
    const { server, storage, open, clock } = serve();
    const { stream, gone } = open();
    const client = await new RawClient(stream).go('disk');
    stream.pause();
    for (let count = 0; count < 5; count++) client.send(request({ type: READ, length: MIB }));
    await settle();
    expect(storage.calls).toHaveLength(5);
    await server.removeExport('disk', { hard: true });
    await settle();
    clock.advance(1000);
    await gone;
    expect(clock.sleeping).toBe(0);
    stream.destroy();
  });

  it('then lets the name be used again, by an export that knows no contexts of the first', async () => {
    const { server, connect } = serve();
    const client = await connect().greet();
    await client.ask(8);
    await client.ask(10, Buffer.from(contextsOfDisk));
    await server.removeExport('disk', { hard: false });
    server.addExport(offered({ metaContexts: [BASE_ALLOCATION] }));
    await client.ask(7, goData('disk'));
    expect((await client.failure({ type: 7, length: 512 }))[0]).toBe(22);
  });
});

const contextsOfDisk = Buffer.concat([
  Buffer.from([0, 0, 0, 4]),
  Buffer.from('disk'),
  Buffer.from([0, 0, 0, 1, 0, 0, 0, 15]),
  Buffer.from(BASE_ALLOCATION),
]);

describe('a client that is gone', () => {
  it.each(['destroy', 'error'] as const)('has its requests told (%s)', async (how) => {
    const { storage, open, server } = serve();
    const state = hanging(storage);
    const { stream, gone } = open();
    const client = await new RawClient(stream).go('disk');
    client.send(request({ type: READ, length: 512 }));
    client.send(request({ type: WRITE, data: Buffer.alloc(512) }));
    await settle();
    stream.destroy(how === 'error' ? new Error('read ECONNRESET') : undefined);
    await settle();
    expect(state.aborted).toBe(2);
    expect(server.clientsOf('disk')).toEqual(['client 1']);
    state.release();
    await gone;
    expect(server.clientsOf('disk')).toEqual([]);
  });

  it('has a storage told why', async () => {
    const { storage, open } = serve();
    let reason: unknown;
    storage.onCall = (_, signal) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          reason = signal.reason;
          resolve();
        }),
      );
    const { stream, gone } = open();
    const client = await new RawClient(stream).go('disk');
    client.send(request({ type: FLUSH }));
    await settle();
    stream.destroy();
    await gone;
    expect(reason).toBeInstanceOf(CancelledError);
    expect((reason as Error).message).toBe('client 1 is gone.');
  });

  it('before it was served, is none', async () => {
    const { server } = serve();
    const stream = new Duplex({ read: () => undefined });
    stream.destroy(new Error('read ECONNRESET'));
    stream.on('error', () => undefined);
    await server.serve(stream, 'nobody');
    expect(stream.destroyed).toBe(true);
  });
});

describe('bounds', () => {
  it('turn away a client too many', async () => {
    const { connect, open, said } = serve({}, { maximumClients: 1 });
    const first = await connect().greet();
    const { stream, gone } = open();
    const second = new RawClient(stream);
    await gone;
    expect(await second.rest()).toHaveLength(0);
    expect(said).toContain('warn: client 2 is turned away: there are 1 already.');
    first.stream.destroy();
    await settle();
    await connect().greet();
  });

  it('let no more requests run than stated, and stop reading', async () => {
    const { storage, connect } = serve({}, { maximumRequests: 3 });
    const state = hanging(storage);
    const client = await connect().go('disk');
    const write = request({ type: WRITE, data: Buffer.alloc(65_536) });
    for (let count = 0; count < 40; count++) client.stream.write(write);
    await settle();
    expect(storage.calls).toHaveLength(3);
    expect(client.stream.writableLength).toBeGreaterThan(30 * write.length);
    for (let rounds = 0; rounds < 14; rounds++) {
      state.release();
      await settle();
    }
    expect(storage.calls).toHaveLength(40);
    expect(client.unread).toBe(40 * 16);
  });

  it('let no more bytes be under way than stated, but always one request', async () => {
    const { storage, connect } = serve({ size: 4 * MIB }, { maximumBytes: MIB });
    const state = hanging(storage);
    const client = await connect().go('disk');
    client.send(request({ type: READ, length: MIB / 2 }), request({ type: READ, length: MIB / 2 }));
    client.send(request({ type: READ, length: 1 }), request({ type: READ, length: 4 * MIB }));
    await settle();
    expect(storage.calls).toHaveLength(2);
    state.release();
    await settle();
    expect(storage.calls).toHaveLength(3);
    state.release();
    await settle();
    expect(storage.calls.at(-1)).toBe(`read 0+${4 * MIB}`);
  });

  it('make a client wait that takes no answers', async () => {
    const { storage, connect } = serve({}, { maximumRequests: 4 });
    const client = await connect().go('disk');
    client.stream.pause();
    const requests = Array.from({ length: 5000 }, () => request({ type: READ, length: 65_536 }));
    for (const bytes of requests) client.stream.write(bytes);
    await settle();
    const before = storage.calls.length;
    expect(before).toBeLessThan(10);
    expect(client.stream.writableLength).toBeGreaterThan(MIB / 32);
    client.stream.resume();
    await settle();
    expect(storage.calls.length).toBeGreaterThan(before);
    client.stream.destroy();
  });

  it.each(['maximumClients', 'maximumRequests', 'maximumBytes', 'handshakeTimeout'])(
    'are whole numbers of 1 or more (%s)',
    (name) => {
      for (const bound of [0, -1, 0.5, Number.NaN])
        expect(() => new NbdServer({ [name]: bound })).toThrow(
          `An NBD server can't have a ${name} of ${bound}.`,
        );
    },
  );
});

describe('closing a server', () => {
  it('sends all away, and takes nothing new', async () => {
    const { server, connect, open, clock } = serve();
    const early = await connect().greet();
    const client = await connect().go('disk');
    const closing = server.close();
    expect(await client.rest()).toHaveLength(0);
    expect(await early.rest()).toHaveLength(0);
    clock.advance(1000);
    await closing;
    await server.close();
    expect(server.exports).toEqual([]);
    expect(() => server.addExport(offered())).toThrow(
      'The export "disk" can\'t be added: the server is closed.',
    );
    const late = open();
    await late.gone;
    expect(clock.sleeping).toBe(0);
  });
});
