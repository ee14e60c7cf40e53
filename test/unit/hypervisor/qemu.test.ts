import { describe, expect, test } from 'vitest';
import { QmpCommandError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import { checkExistingImage } from '../../../src/hypervisor/destination/acceptance.js';
import { findDisk } from '../../../src/hypervisor/index.js';
import type { GuestDisk, HostChange } from '../../../src/hypervisor/index.js';
import { parseChardev } from '../../../src/hypervisor/qemu/guest-ports.js';
import { imageError } from '../../../src/hypervisor/qemu/image-errors.js';
import { requireTracking } from '../../../src/hypervisor/qemu/requirements.js';
import { QemuRunState } from '../../../src/hypervisor/qemu/run-state.js';
import { QemuSession } from '../../../src/hypervisor/qemu/session.js';
import { FakeQmp } from '../qmp/fake-qmp.js';

async function session(fake: FakeQmp, changes: HostChange[] = []): Promise<QemuSession> {
  return new QemuSession(await fake.running(), {
    name: 'vm',
    clock: fake.clock,
    logger: silentLogger,
    journal: { record: (change) => Promise.resolve(void changes.push(change)) },
  });
}

describe('what QEMU has to have', () => {
  test('one without bitmaps or exports is refused, and what it lacks is named', async () => {
    const fake = new FakeQmp();
    const checking = requireTracking(await session(fake));
    await fake.answer([{ name: 'transaction' }, { name: 'nbd-server-start' }]);
    await expect(checking).rejects.toMatchObject({
      kind: 'hypervisor',
      message:
        "vm is QEMU 7.2, which can't track a disk: it lacks block-dirty-bitmap-add, block-dirty-bitmap-remove, block-export-add, block-export-del, query-block-exports.",
      hint: 'QEMU 5.2 or later is needed, built with NBD.',
    });
  });
});

describe('a session', () => {
  test('tells the journal of a change before it is made; a journal that fails prevents it', async () => {
    const fake = new FakeQmp();
    const changes: HostChange[] = [];
    const made = (await session(fake, changes)).change('r1', 'blockdev-del', { 'node-name': 'n' });
    const command = await fake.next();
    expect(changes).toEqual([
      { host: 'vm', run: 'r1', action: 'blockdev-del', arguments: { 'node-name': 'n' } },
    ]);
    fake.send({ return: {}, id: command.id });
    await made;

    const failing = new FakeQmp();
    const qmp = await failing.running();
    const journal = { record: () => Promise.reject(new Error('the disk of the journal is full')) };
    const options = { name: 'vm', clock: failing.clock, logger: silentLogger, journal };
    const refused = new QemuSession(qmp, options).change('r1', 'nbd-server-stop', {});
    await expect(refused).rejects.toThrow('the disk of the journal is full');
    const status = qmp.execute('query-status', {});
    expect((await failing.answer({ running: true, status: 'running' })).execute).toBe(
      'query-status',
    );
    await status;
  });

  test('what puts back is done though the journal fails, and that is told', async () => {
    const fake = new FakeQmp();
    const warnings: string[] = [];
    const vm = new QemuSession(await fake.running(), {
      name: 'vm',
      clock: fake.clock,
      logger: {
        log: (level, message) => {
          if (level === 'warn') warnings.push(message);
        },
      },
      journal: { record: () => Promise.reject(new Error('the disk of the journal is full')) },
    });
    const removed = vm.remove('r1', 'blockdev-del', { 'node-name': 'n' });
    const command = await fake.next();
    expect(command.execute).toBe('blockdev-del');
    fake.send({ return: {}, id: command.id });
    await removed;
    const runState = new QemuRunState(vm);
    const resumed = runState.execute('cont');
    const cont = await fake.next();
    expect(cont.execute).toBe('cont');
    fake.send({ return: {}, id: cont.id });
    await resumed;
    expect(warnings).toEqual([
      'The journal does not tell of blockdev-del on vm: the disk of the journal is full',
      'The journal does not tell of cont on vm: the disk of the journal is full',
    ]);
    const stopped = runState.execute('stop');
    const status = await fake.next();
    expect(status.execute).toBe('query-status');
    fake.send({ return: { running: true, status: 'running' }, id: status.id });
    await expect(stopped).rejects.toThrow('the disk of the journal is full');
  });

  test('removing what is not there is no failure; another refusal is', async () => {
    const fake = new FakeQmp();
    const vm = await session(fake);
    const gone = vm.remove('r1', 'blockdev-del', { 'node-name': 'n' });
    const first = await fake.next();
    fake.send({
      error: { class: 'GenericError', desc: "Failed to find node with node-name='n'" },
      id: first.id,
    });
    await gone;
    const busy = vm.remove('r1', 'blockdev-del', { 'node-name': 'n' });
    const second = await fake.next();
    fake.send({ error: { class: 'GenericError', desc: 'Node n is in use' }, id: second.id });
    await expect(busy).rejects.toMatchObject({ kind: 'qmp-command' });
  });

  test('cleaning up has a time limit', async () => {
    const fake = new FakeQmp();
    const removing = (await session(fake)).remove('r1', 'nbd-server-stop', {});
    await fake.next();
    fake.clock.advance(10_000);
    await expect(removing).rejects.toMatchObject({ kind: 'timeout' });
  });
});

describe('the address of a chardev', () => {
  test.each([
    ['disconnected:unix:/run/p.sock,server=on', { type: 'unix', path: '/run/p.sock' }],
    ['unix:/run/a,b.sock,server=on', { type: 'unix', path: '/run/a,b.sock' }],
    ['disconnected:tcp:127.0.0.1:4000,server=on', { type: 'tcp', host: '127.0.0.1', port: 4000 }],
    ['disconnected:tcp:0.0.0.0:4000,server=on', { type: 'tcp', host: '127.0.0.1', port: 4000 }],
    ['tcp:[::]:4000,server=on <-> [::1]:5000', { type: 'tcp', host: '::1', port: 4000 }],
    ['unix:/run/client.sock', undefined],
    ['pty:/dev/pts/3', undefined],
    ['null', undefined],
  ])('%s', (filename, address) => {
    expect(parseChardev(filename)).toEqual(address);
  });
});

describe("QEMU's words about an image", () => {
  test.each([
    ['Failed to get "write" lock', 'is in use by somebody else'],
    ['Failed to get shared "write" lock', 'is in use by somebody else'],
    ["Could not create 'x': No such file or directory", "can't be made: its folder does not exist"],
    ["Could not create 'x': Read-only file system", 'is on a read-only file system'],
    ["Could not open 'x': Permission denied", "is read-only or not accessible to QEMU's user"],
    ['Could not resize file: No space left on device', 'does not fit: no space is left'],
    ['Image is not in qcow2 format', 'is there, but has not the format that was asked for'],
    [
      "'file' driver requires 'x' to be a regular file",
      'is neither a regular file nor a block device',
    ],
    ['filesystem does not support O_DIRECT', 'is on a file system without O_DIRECT'],
    ['something new', "can't be used: something new."],
  ])('%s', (description, fault) => {
    const error = imageError(
      '/x',
      new QmpCommandError('blockdev-add', 'GenericError', description),
    );
    expect(error).toMatchObject({
      kind: 'destination',
      message: expect.stringContaining(`The image /x ${fault}`) as string,
    });
  });

  test('other errors stay what they are', () => {
    const error = new Error('other');
    expect(imageError('/x', error)).toBe(error);
  });
});

describe('an image that is there', () => {
  const need = { path: '/x', format: 'raw', size: 1000, overwrite: false } as const;
  test.each([
    [need, { size: 999, holdsData: false }, /^The image \/x is too small: 999 bytes/],
    [
      { ...need, format: 'qcow2' } as const,
      { size: 1001, holdsData: false },
      /too large: 1001 bytes/,
    ],
    [need, { size: 1000, holdsData: true }, /^The image \/x is there and holds data\.$/],
  ])('%o with %o is refused', (wanted, facts, message) => {
    expect(() => checkExistingImage(wanted, facts)).toThrow(
      expect.objectContaining({
        kind: 'destination',
        message: expect.stringMatching(message) as string,
      }),
    );
  });

  test.each([
    [need, { size: 1000, holdsData: false }],
    [need, { size: 1001, holdsData: false }],
    [
      { ...need, overwrite: true },
      { size: 1000, holdsData: true },
    ],
  ])('%o with %o is taken', (wanted, facts) => {
    expect(() => checkExistingImage(wanted, facts)).not.toThrow();
  });
});

describe('findDisk', () => {
  const disk = (name: string, ...aliases: string[]): GuestDisk => ({
    name,
    aliases,
    size: 1,
    format: 'raw',
    image: '/x',
    readOnly: false,
    guestIdentity: {},
  });

  test('a name goes before an alias', () => {
    const [first, second] = [disk('a', 'b'), disk('b')];
    expect(findDisk([first, second], 'b')).toBe(second);
  });

  test('an alias of two disks is refused', () => {
    expect(() => findDisk([disk('a', 'x'), disk('b', 'x')], 'x')).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: '"x" names more than one disk of the guest.',
        hint: 'Its disks: a (x); b (x).',
      }),
    );
  });

  test('a guest without disks is told as such', () => {
    expect(() => findDisk([], 'x')).toThrow(
      expect.objectContaining({ kind: 'usage', hint: 'It has no disks at all.' }),
    );
  });
});
