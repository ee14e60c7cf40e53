/** Our client against `qemu-nbd`. */
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BASE_ALLOCATION,
  connectNbd,
  NBD_STATE_HOLE,
  NBD_STATE_ZERO,
  SlabPool,
} from '../../src/nbd/index.js';
import { pattern, readBytes, rejection, rejections, statusOf } from './support/nbd-data.js';
import { NbdLab, run } from './support/nbd-servers.js';

const MIB = 2 ** 20;

let lab: NbdLab;
beforeEach(async () => {
  lab = await NbdLab.create();
});
afterEach(() => lab.end());

async function rawImage(size: number, ...data: [offset: number, bytes: Buffer][]): Promise<string> {
  const file = lab.path('disk.raw');
  await writeFile(file, '');
  await truncate(file, size);
  const handle = await open(file, 'r+');
  for (const [offset, bytes] of data) await handle.write(bytes, 0, bytes.length, offset);
  await handle.close();
  return file;
}

describe('qemu-nbd, as the specification guarantees', () => {
  it('reads what is written, whatever the pieces, and says what it can', async () => {
    const file = await rawImage(16 * MIB);
    const { uri } = await lab.qemuNbd(file, ['-f', 'raw']);
    const connection = await connectNbd(uri);
    expect(connection.info).toMatchObject({ size: 16 * MIB, readOnly: false, canFlush: true });
    await connection.write(5, [pattern(5, 1000), pattern(1005, 3)]);
    await connection.write(8 * MIB, [pattern(8 * MIB, MIB)], { fua: true });
    await connection.flush();
    expect(
      (await readBytes(connection, 0, 1010)).equals(
        Buffer.concat([Buffer.alloc(5), pattern(5, 1003), Buffer.alloc(2)]),
      ),
    ).toBe(true);
    const disk = await readFile(file);
    expect(disk.subarray(8 * MIB, 9 * MIB).equals(pattern(8 * MIB, MIB))).toBe(true);
    await connection.close();
  });

  it.each([true, false])(
    'reads zeroes where they were written (a hole allowed: %s)',
    async (mayTrim) => {
      const file = await rawImage(4 * MIB, [0, pattern(0, 4 * MIB)]);
      const { uri } = await lab.qemuNbd(file, ['-f', 'raw', '--discard=unmap']);
      const connection = await connectNbd(uri);
      await connection.writeZeroes(MIB, 2 * MIB, { mayTrim });
      await connection.flush();
      const bytes = await readBytes(connection, 0, 4 * MIB);
      expect(bytes.subarray(0, MIB).equals(pattern(0, MIB))).toBe(true);
      expect(bytes.subarray(MIB, 3 * MIB).every((byte) => byte === 0)).toBe(true);
      expect(bytes.subarray(3 * MIB).equals(pattern(3 * MIB, MIB))).toBe(true);
      await connection.close();
    },
  );

  it('answers all of very many requests at once, with and without structured replies', async () => {
    const size = 32 * MIB;
    const length = 64 * 1024;
    const file = await rawImage(size, [0, pattern(0, size)]);
    const { uri } = await lab.qemuNbd(file, ['-f', 'raw']);
    for (const structuredReplies of [true, false]) {
      const pool = new SlabPool();
      const connection = await connectNbd(uri, { structuredReplies, pool });
      expect(connection.info.structuredReplies).toBe(structuredReplies);
      const reads = Array.from({ length: size / length }, async (_, index) => {
        const bytes = await readBytes(connection, index * length, length);
        return bytes.equals(pattern(index * length, length));
      });
      expect((await Promise.all(reads)).every(Boolean)).toBe(true);
      await connection.close();
      expect(pool.free).toBeGreaterThan(0);
    }
  });

  it('moves payloads from one server to another without a copy', async () => {
    const size = 8 * MIB;
    const file = await rawImage(size, [0, pattern(0, size)]);
    const source = await connectNbd((await lab.qemuNbd(file, ['-f', 'raw', '-r'])).uri);
    const other = lab.path('other.raw');
    await writeFile(other, '');
    await truncate(other, size);
    const destination = await connectNbd((await lab.qemuNbd(other, ['-f', 'raw'])).uri);
    await Promise.all(
      Array.from({ length: 32 }, async (_, index) => {
        const payload = await source.read(index * 256 * 1024, 256 * 1024, { dontFragment: true });
        const data = payload.pieces.map((piece) =>
          piece.hole ? Buffer.alloc(piece.length) : piece.data,
        );
        await destination.write(index * 256 * 1024, data);
        payload.release();
      }),
    );
    await destination.flush();
    await Promise.all([source.close(), destination.close()]);
    expect((await readFile(other)).equals(pattern(0, size))).toBe(true);
  });

  it('refuses an export that is not there, and lists those that are', async () => {
    const { uri } = await lab.qemuNbd(await rawImage(MIB), ['-f', 'raw'], 'disk');
    const error = await rejection(connectNbd(uri.replace('/disk', '/nosuch')));
    expect(error).toMatchObject({ kind: 'nbd-option', replyType: 2 ** 31 + 6 });
    expect(error.message).toMatch(/^nbd\+unix:.* refused NBD_OPT_GO with NBD_REP_ERR_UNKNOWN/);
    expect(error.hint).toBe('There is no export "nosuch". Exports there: "disk".');
  });

  it('says that an export is read-only', async () => {
    const { uri } = await lab.qemuNbd(await rawImage(MIB), ['-f', 'raw', '-r']);
    const connection = await connectNbd(uri);
    expect(connection.info.readOnly).toBe(true);
    expect(await rejection(connection.write(0, [Buffer.alloc(512)]))).toMatchObject({
      kind: 'usage',
    });
    await connection.close();
  });

  it('says that a request is lost with the server', async () => {
    const { uri, process } = await lab.qemuNbd(await rawImage(MIB), ['-f', 'raw']);
    const connection = await connectNbd(uri);
    process.child.kill('SIGSTOP');
    const waiting = rejections([
      connection.read(0, MIB),
      connection.write(0, [Buffer.alloc(MIB)]),
      connection.flush(),
    ]);
    process.child.kill('SIGKILL');
    for (const error of await waiting) {
      expect(error).toMatchObject({ kind: 'connection-lost' });
    }
    await connection.close();
  });

  it('takes up again after commands were cancelled while it stood still', async () => {
    const { uri, process } = await lab.qemuNbd(await rawImage(MIB, [0, pattern(0, MIB)]), [
      '-f',
      'raw',
    ]);
    const connection = await connectNbd(uri);
    const giveUp = new AbortController();
    process.child.kill('SIGSTOP');
    const { signal } = giveUp;
    const waiting = rejections([
      connection.read(0, MIB, { signal }),
      connection.write(0, [Buffer.alloc(512)], { signal }),
    ]);
    giveUp.abort();
    for (const error of await waiting) expect(error).toMatchObject({ kind: 'cancelled' });
    process.child.kill('SIGCONT');
    expect((await readBytes(connection, 4096, 4096)).equals(pattern(4096, 4096))).toBe(true);
    await connection.close();
  });
});

describe('qemu-nbd, as it merely does', () => {
  it('tells holes of a raw file as such, by block status and in reads', async () => {
    const file = await rawImage(4 * MIB, [MIB, pattern(MIB, 65_536)]);
    const { uri } = await lab.qemuNbd(file, ['-f', 'raw']);
    const connection = await connectNbd(uri, { metaContexts: [BASE_ALLOCATION] });
    const hole = NBD_STATE_HOLE | NBD_STATE_ZERO;
    expect(await statusOf(connection, BASE_ALLOCATION)).toEqual([
      [0, MIB, hole],
      [MIB, 65_536, 0],
      [MIB + 65_536, 3 * MIB - 65_536, hole],
    ]);
    expect(await statusOf(connection, BASE_ALLOCATION, MIB + 512, 512)).toEqual([
      [MIB + 512, 512, 0],
    ]);
    const payload = await connection.read(MIB - 4096, 8192);
    expect(payload.pieces.map(({ hole: isHole }) => isHole)).toEqual([true, false]);
    const whole = await connection.read(MIB - 4096, 8192, { dontFragment: true });
    expect(whole.pieces.every((piece) => !piece.hole)).toBe(true);
    await connection.close();
  });

  it('tells the clusters of qcow2', async () => {
    const file = lab.path('disk.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', file, '64G');
    const { uri, process } = await lab.qemuNbd(file, ['-f', 'qcow2']);
    const connection = await connectNbd(uri, { metaContexts: [BASE_ALLOCATION] });
    await connection.write(2 ** 35, [pattern(0, 512)]);
    const allocated = (await statusOf(connection, BASE_ALLOCATION)).filter(
      ([, , flags]) => flags === 0,
    );
    expect(allocated).toEqual([[2 ** 35, 65_536, 0]]);
    await connection.trim(0, 2 ** 36);
    await connection.writeZeroes(0, 2 ** 36, { mayTrim: true });
    expect(await statusOf(connection, BASE_ALLOCATION)).not.toContainEqual([2 ** 35, 65_536, 0]);
    await connection.close();
    await process.stop();
    await run('qemu-img', 'check', '-q', file);
  });

  it('rounds an export up to whole sectors, and serves every byte of it', async () => {
    const { uri } = await lab.qemuNbd(await rawImage(100_001, [0, pattern(0, 100_001)]), [
      '-f',
      'raw',
    ]);
    const connection = await connectNbd(uri, { metaContexts: [BASE_ALLOCATION] });
    const { size } = connection.info;
    const bytes = await readBytes(connection, 0, size);
    expect(bytes.subarray(0, 100_001).equals(pattern(0, 100_001))).toBe(true);
    const covered = (await statusOf(connection, BASE_ALLOCATION)).reduce(
      (sum, [, length]) => sum + length,
      0,
    );
    expect(covered).toBe(size);
    await connection.close();
  });

  it('keeps a second client waiting without a greeting, unless shared', async () => {
    const { uri } = await lab.qemuNbd(await rawImage(MIB), ['-f', 'raw']);
    const first = await connectNbd(uri);
    const error = await rejection(connectNbd(uri, { handshakeTimeout: 200 }));
    expect(error).toMatchObject({ kind: 'timeout' });
    expect(error.hint).toContain('--shared');
    await first.close();
  });

  it('takes several connections when shared, and says so', async () => {
    const { uri } = await lab.qemuNbd(await rawImage(MIB), ['-f', 'raw', '--shared=4']);
    const connections = await Promise.all([connectNbd(uri), connectNbd(uri), connectNbd(uri)]);
    expect(connections.every(({ info }) => info.canMultiConn)).toBe(true);
    await connections[0].write(0, [pattern(0, 512)]);
    await connections[1].flush();
    expect((await readBytes(connections[2], 0, 512)).equals(pattern(0, 512))).toBe(true);
    await Promise.all(connections.map((connection) => connection.close()));
  });
});
