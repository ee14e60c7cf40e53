/** The project's own client against the project's own server. */
import { describe, expect, it } from 'vitest';
import {
  BASE_ALLOCATION,
  connectNbdOver,
  type NbdConnection,
  type NbdServerOptions,
  type NbdStreamOptions,
  type Payload,
  type ServedExport,
} from '../../../src/nbd/index.js';
import { pattern } from '../nbd/support/bytes.js';
import { rejection, settle } from '../nbd/support/fake-server.js';
import { PAGE } from './support/memory-storage.js';
import { DIRTY, MIB, serve, type Served } from './support/raw-client.js';

interface Connected extends Served {
  readonly client: NbdConnection;
  readonly gone: Promise<void>;
}

async function connected(
  given: Partial<ServedExport> & { readonly size?: number } = {},
  asked: NbdStreamOptions = {},
  options: NbdServerOptions = {},
): Promise<Connected> {
  const served = serve(given, options);
  const { stream, gone } = served.open();
  const client = await connectNbdOver(stream, {
    exportName: 'disk',
    name: 'the server',
    metaContexts: [BASE_ALLOCATION, DIRTY],
    clock: served.clock,
    ...asked,
  });
  return { ...served, client, gone };
}

function take(payload: Payload): Buffer {
  const bytes = Buffer.concat(
    payload.pieces.map((piece) => (piece.hole ? Buffer.alloc(piece.length) : piece.data)),
  );
  payload.release();
  return bytes;
}

describe('client and server', () => {
  it('agree on what the export is', async () => {
    const { client } = await connected({ minimumBlock: 512, maximumPayload: 4 * MIB });
    expect(client.info).toEqual({
      size: MIB,
      readOnly: false,
      canFlush: true,
      canFua: true,
      canTrim: true,
      canWriteZeroes: true,
      canFastZero: true,
      canDontFragment: true,
      canMultiConn: true,
      minimumBlock: 512,
      preferredBlock: 4096,
      maximumPayload: 4 * MIB,
      structuredReplies: true,
      metaContexts: [BASE_ALLOCATION, DIRTY],
    });
  });

  it.each([true, false])('read what was written (structured: %s)', async (structuredReplies) => {
    const { client, storage } = await connected({}, { structuredReplies });
    await client.write(1000, [pattern(0, 5000), pattern(1, 3), pattern(2, 70_000)], { fua: true });
    expect(take(await client.read(0, MIB)).equals(storage.bytes)).toBe(true);
    expect(take(await client.read(0, MIB, { dontFragment: true })).equals(storage.bytes)).toBe(
      true,
    );
    await client.writeZeroes(PAGE, 3 * PAGE, { mayTrim: true });
    await client.trim(8 * PAGE, PAGE);
    await client.flush();
    expect(take(await client.read(0, MIB)).equals(storage.bytes)).toBe(true);
    expect(storage.calls.slice(-4, -1)).toEqual([
      `zeroes ${PAGE}+${3 * PAGE} mayTrim`,
      `trim ${8 * PAGE}+${PAGE}`,
      'flush',
    ]);
  });

  it('pass data on in the memory in which they lie', async () => {
    const { client, storage } = await connected();
    const data = pattern(0, 4 * PAGE);
    await client.write(0, [data]);
    expect(storage.written.map(({ buffer }) => buffer === data.buffer)).toEqual([true]);
    const source = pattern(0, PAGE);
    storage.read = () => Promise.resolve([{ hole: false, data: source }]);
    const { pieces } = await client.read(0, PAGE);
    expect(pieces.map((piece) => !piece.hole && piece.data.buffer === source.buffer)).toEqual([
      true,
    ]);
  });

  it('tell the extents of each context', async () => {
    const { client, storage } = await connected();
    storage.put(4 * PAGE, pattern(0, 2 * PAGE));
    await client.trim(8 * PAGE, PAGE);
    for (const [context, extents] of [
      [
        BASE_ALLOCATION,
        [
          [0, 4 * PAGE, 3],
          [4 * PAGE, 2 * PAGE, 0],
          [6 * PAGE, MIB - 6 * PAGE, 3],
        ],
      ],
      [
        DIRTY,
        [
          [0, 4 * PAGE, 0],
          [4 * PAGE, 2 * PAGE, 1],
          [6 * PAGE, 2 * PAGE, 0],
          [8 * PAGE, PAGE, 1],
          [9 * PAGE, MIB - 9 * PAGE, 0],
        ],
      ],
    ] as const) {
      const told: number[][] = [];
      await client.blockStatus(context, 0, MIB, (...extent) => told.push(extent));
      expect(told).toEqual(extents);
    }
  });

  it('tell an answer of more extents than fit in parts', async () => {
    const { client, storage } = await connected({ maximumPayload: PAGE, size: 8 * MIB });
    for (let at = 0; at < 8 * MIB; at += 2 * PAGE) storage.put(at, Buffer.from('x'));
    let pages = 0;
    await client.blockStatus(DIRTY, 0, 8 * MIB, (_, length, flags) => {
      if (flags === 1) pages += length / PAGE;
    });
    expect(pages).toBe(1024);
    expect(storage.calls.filter((call) => call.endsWith(DIRTY)).length).toBeGreaterThan(3);
  });

  it('tell why a command fails, and go on', async () => {
    const { client, storage } = await connected();
    storage.onCall = () => {
      throw new Error('The disk is broken.');
    };
    const error = await rejection(client.read(0, 512));
    expect(error).toMatchObject({ kind: 'nbd-command', errno: 5 });
    expect(error.message).toBe(
      'READ of 512 bytes at offset 0 failed on the server: NBD_EIO: The disk is broken.',
    );
    storage.onCall = () => undefined;
    await client.write(0, [Buffer.alloc(512)]);
  });

  it('tell which exports there are when the wrong one is asked for', async () => {
    const { stream } = serve().open();
    const error = await rejection(connectNbdOver(stream, { exportName: 'nosuch' }));
    expect(error.message).toMatch(
      /refused NBD_OPT_GO with NBD_REP_ERR_UNKNOWN: There is no export/,
    );
    expect(error.hint).toBe('There is no export "nosuch". Exports there: "disk".');
  });

  it('part in order', async () => {
    const { client, gone, server, clock } = await connected();
    await client.close();
    await gone;
    expect(server.clientsOf('disk')).toEqual([]);
    expect(clock.sleeping).toBe(0);
  });

  it('part when the export is taken away: the client leaves by itself', async () => {
    const { client, gone, server, storage, clock } = await connected();
    let pass: () => void = () => undefined;
    storage.onCall = () => new Promise((resolve) => (pass = resolve));
    const reading = rejection(client.read(0, 512));
    await settle();
    const removing = server.removeExport('disk', { hard: true });
    expect(await reading).toMatchObject({ kind: 'nbd-command', errno: 108 });
    pass();
    await Promise.all([removing, gone]);
    expect((await rejection(client.flush())).kind).toBe('connection-lost');
    expect(clock.sleeping).toBe(0);
  });

  it('serve many connections with thousands of requests at once', async () => {
    const served = serve();
    served.storage.put(0, pattern(0, MIB));
    const clients = await Promise.all(
      Array.from({ length: 4 }, () =>
        connectNbdOver(served.open().stream, { exportName: 'disk', clock: served.clock }),
      ),
    );
    const reads = Array.from({ length: 2000 }, async (_, index) => {
      const offset = (index * 512 * 37) % (MIB - 4096);
      const bytes = take(await clients[index % 4]!.read(offset, 4096));
      return bytes.equals(served.storage.bytes.subarray(offset, offset + 4096));
    });
    expect((await Promise.all(reads)).every(Boolean)).toBe(true);
    expect(served.server.clientsOf('disk')).toHaveLength(4);
    await Promise.all(clients.map((client) => client.close()));
  });
});
