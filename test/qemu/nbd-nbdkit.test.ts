/** Our client against `nbdkit`, whose filters make a server as strict, slow or broken as it is told. */
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BASE_ALLOCATION, connectNbd } from '../../src/nbd/index.js';
import { pattern, readBytes, rejection, rejections, statusOf } from './support/nbd-data.js';
import { NbdLab } from './support/nbd-servers.js';

const MIB = 2 ** 20;

let lab: NbdLab;
beforeEach(async () => {
  lab = await NbdLab.create();
});
afterEach(() => lab.end());

describe('nbdkit, as the specification guarantees', () => {
  it.each([true, false])(
    'carries out every command (structured replies: %s)',
    async (structured) => {
      const { uri } = await lab.nbdkit([...(structured ? [] : ['--no-sr']), 'memory', '64M']);
      const connection = await connectNbd(uri, { metaContexts: [BASE_ALLOCATION] });
      const { info } = connection;
      expect(info.structuredReplies).toBe(structured);
      expect(info.metaContexts).toEqual(structured ? [BASE_ALLOCATION] : []);
      expect(info).toMatchObject({ size: 64 * MIB, canFlush: true, canFua: true, canTrim: true });
      await connection.write(MIB + 7, [pattern(MIB + 7, MIB)], { fua: true });
      await connection.writeZeroes(MIB + 107, 1000, { fua: true });
      await connection.trim(32 * MIB, MIB);
      await connection.flush();
      const bytes = await readBytes(connection, MIB, 2000);
      const expected = pattern(MIB, 2000).fill(0, 0, 7).fill(0, 107, 1107);
      expect(bytes.equals(expected)).toBe(true);
      await connection.close();
    },
  );

  it('reads at offsets beyond 32 bits', async () => {
    const { uri } = await lab.nbdkit(['pattern', '4P']);
    const connection = await connectNbd(uri);
    const offset = 3 * 2 ** 50 + 2 ** 33 + 4096;
    expect((await readBytes(connection, offset, 8)).readBigUInt64BE()).toBe(BigInt(offset));
    await connection.close();
  });

  it('says which sizes it takes, and we keep to them', async () => {
    const limits = ['blocksize-minimum=512', 'blocksize-preferred=4096', 'blocksize-maximum=65536'];
    const { uri } = await lab.nbdkit([
      '--filter=blocksize-policy',
      'memory',
      '4M',
      ...limits,
      'blocksize-error-policy=error',
    ]);
    const connection = await connectNbd(uri);
    expect(connection.info).toMatchObject({
      minimumBlock: 512,
      preferredBlock: 4096,
      maximumPayload: 65_536,
    });
    await connection.write(512, [pattern(512, 65_536)]);
    expect((await readBytes(connection, 512, 65_536)).equals(pattern(512, 65_536))).toBe(true);
    const attempts = [
      connection.read(0, 66_048),
      connection.read(1, 512),
      connection.write(0, [Buffer.alloc(100)]),
    ];
    for (const error of await rejections(attempts)) {
      expect(error).toMatchObject({ kind: 'limit' });
    }
    await connection.close();
  });

  it('says what it can not do, and we do not ask for it', async () => {
    const { uri } = await lab.nbdkit(['--filter=nozero', '--readonly', 'memory', '4M']);
    const connection = await connectNbd(uri);
    expect(connection.info).toMatchObject({ readOnly: true, canWriteZeroes: false });
    expect(await rejection(connection.write(0, [Buffer.alloc(512)]))).toMatchObject({
      kind: 'usage',
    });
    expect(await rejection(connection.writeZeroes(0, 512))).toMatchObject({ kind: 'usage' });
    await connection.close();
  });

  it.each([
    ['emulate', true],
    ['disable', false],
  ])('says whether it takes several connections (%s)', async (mode, canMultiConn) => {
    const { uri } = await lab.nbdkit([
      '--filter=multi-conn',
      'memory',
      '4M',
      `multi-conn-mode=${mode}`,
    ]);
    const connection = await connectNbd(uri);
    expect(connection.info.canMultiConn).toBe(canMultiConn);
    await connection.close();
  });

  it('refuses what needs TLS', async () => {
    const keys = lab.path('keys.psk');
    await writeFile(keys, `user:${'0123456789abcdef'.repeat(4)}\n`, { mode: 0o600 });
    const { uri } = await lab.nbdkit(['--tls=require', `--tls-psk=${keys}`, 'memory', '4M']);
    const error = await rejection(connectNbd(uri));
    expect(error).toMatchObject({ kind: 'nbd-option', replyType: 2 ** 31 + 5 });
    expect(error.message).toMatch(/refused NBD_OPT_STRUCTURED_REPLY with NBD_REP_ERR_TLS_REQD/);
    expect(error.hint).toContain('TLS');
  });

  it.each([
    ['oldstyle', '--oldstyle', 'speaks only the oldstyle handshake'],
    [
      'newstyle without options',
      '--mask-handshake=0',
      'speaks only the newstyle that is not fixed',
    ],
  ])('speaks older handshakes, which we refuse (%s)', async (_, option, said) => {
    const { uri } = await lab.nbdkit([option, 'memory', '4M']);
    const error = await rejection(connectNbd(uri));
    expect(error).toMatchObject({ kind: 'protocol' });
    expect(error.message).toContain(said);
  });
});

describe('nbdkit with faults', () => {
  it.each([
    ['EIO', 5],
    ['ENOSPC', 28],
    ['EPERM', 1],
    ['ENOMEM', 12],
    ['EINVAL', 22],
  ])('reports %s of every command, and goes on', async (name, errno) => {
    const { uri } = await lab.nbdkit([
      '--filter=error',
      'memory',
      '4M',
      `error=${name}`,
      'error-rate=100%',
    ]);
    const connection = await connectNbd(uri, { metaContexts: [BASE_ALLOCATION] });
    const attempts = [
      connection.read(0, 512),
      connection.write(0, [Buffer.alloc(512)]),
      connection.writeZeroes(0, 512),
      connection.trim(0, 512),
      statusOf(connection, BASE_ALLOCATION),
    ];
    for (const error of await rejections(attempts)) {
      expect(error).toMatchObject({ kind: 'nbd-command', errno });
    }
    await connection.flush();
    await connection.close();
  });

  it('that fails one read in some lets the others through', async () => {
    const { uri } = await lab.nbdkit([
      '--filter=error',
      'pattern',
      '4M',
      'error-pread=EIO',
      'error-pread-rate=30%',
    ]);
    const connection = await connectNbd(uri);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) => readBytes(connection, index * 4096, 4096)),
    );
    const right = outcomes.filter(
      (outcome, index) =>
        outcome.status === 'fulfilled' && outcome.value.readBigUInt64BE() === BigInt(index * 4096),
    );
    const failed = outcomes.filter(({ status }) => status === 'rejected');
    expect(right.length + failed.length).toBe(200);
    expect(right.length).toBeGreaterThan(0);
    expect(failed.length).toBeGreaterThan(0);
    await connection.close();
  });

  it('that is slow can be given up, and others of its requests go on', async () => {
    const { uri } = await lab.nbdkit(['--filter=delay', 'pattern', '4M', 'delay-read=300ms']);
    const connection = await connectNbd(uri);
    const giveUp = new AbortController();
    const given = connection.read(0, 4096, { signal: giveUp.signal });
    const kept = readBytes(connection, 4096, 4096);
    giveUp.abort();
    expect(await rejection(given)).toMatchObject({ kind: 'cancelled' });
    expect((await kept).readBigUInt64BE()).toBe(4096n);
    await connection.close();
  });

  it('that is slow is not cut short by close', async () => {
    const { uri } = await lab.nbdkit(['--filter=delay', 'pattern', '4M', 'delay-read=300ms']);
    const connection = await connectNbd(uri);
    const reads = Array.from({ length: 8 }, (_, index) => readBytes(connection, index * 512, 8));
    await connection.close();
    for (const [index, bytes] of (await Promise.all(reads)).entries()) {
      expect(bytes.readBigUInt64BE()).toBe(BigInt(index * 512));
    }
  });

  it('that dies takes what waits with it', async () => {
    const { uri, process } = await lab.nbdkit(['--filter=delay', 'memory', '4M', 'delay-read=60']);
    const connection = await connectNbd(uri);
    const waiting = rejections([connection.read(0, 512), connection.read(512, 512)]);
    await connection.flush();
    process.child.kill('SIGKILL');
    for (const error of await waiting) {
      expect(error).toMatchObject({ kind: 'connection-lost' });
    }
    await connection.close();
  });
});

describe('nbdkit, as it merely does', () => {
  it('tells data and holes in steps of 32 KiB', async () => {
    const { uri } = await lab.nbdkit(['data', 'data=@1048576 1 @+65535 2', 'size=4M']);
    const connection = await connectNbd(uri, { metaContexts: [BASE_ALLOCATION] });
    const extents = await statusOf(connection, BASE_ALLOCATION);
    expect(extents.filter(([, , flags]) => flags === 0)).toEqual([
      [MIB, 32_768, 0],
      [MIB + 65_536, 32_768, 0],
    ]);
    expect(extents.reduce((sum, [, length]) => sum + length, 0)).toBe(4 * MIB);
    await connection.close();
  });

  it('tells one extent of data where its filter hides the holes', async () => {
    const { uri } = await lab.nbdkit(['--filter=noextents', 'memory', '4M']);
    const connection = await connectNbd(uri, { metaContexts: [BASE_ALLOCATION] });
    expect(await statusOf(connection, BASE_ALLOCATION)).toEqual([[0, 4 * MIB, 0]]);
    await connection.close();
  });

  it('answers very many extents', async () => {
    const { uri } = await lab.nbdkit([
      'sparse-random',
      '1G',
      'seed=1',
      'percent=10',
      'runlength=4096',
    ]);
    const connection = await connectNbd(uri, { metaContexts: [BASE_ALLOCATION] });
    const extents = await statusOf(connection, BASE_ALLOCATION);
    expect(extents.length).toBeGreaterThan(1000);
    let next = 0;
    for (const [offset, length] of extents) {
      expect(offset).toBe(next);
      next += length;
    }
    expect(next).toBe(2 ** 30);
    await connection.close();
  });

  it('serves any export name', async () => {
    const { uri } = await lab.nbdkit(['info', 'exportname'], 'dísk / with spaces?&#');
    const connection = await connectNbd(uri);
    const name = await readBytes(connection, 0, connection.info.size);
    expect(name.toString()).toBe('dísk / with spaces?&#');
    await connection.close();
  });

  it('lists the exports that it was told of', async () => {
    const { uri } = await lab.nbdkit(
      [
        '--filter=exportname',
        'memory',
        '4M',
        'exportname=a',
        'exportname=b',
        'exportname-list=explicit',
        'exportname-strict=true',
      ],
      'c',
    );
    const error = await rejection(connectNbd(uri));
    expect(error).toMatchObject({ kind: 'nbd-option' });
    expect(error.message).toMatch(/refused NBD_OPT_(GO|SET_META_CONTEXT)/);
  });
});
