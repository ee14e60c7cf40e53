/** Migrations of a real guest that can't begin: each is refused before anything is changed. */
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorKind } from '../../src/base/errors.js';
import type { DestinationRequest } from '../../src/engine/index.js';
import { MigrationLab, type Asked } from './support/migration.js';
import { makeQcow2, makeRaw, MiB, rawDisk, startQemu } from './support/qemu-process.js';
import { QmpRelay } from './support/qmp-relay.js';
import { startNbdkit, startQemuNbd, startSmallFolder } from './support/servers.js';

const size = 128 * MiB;
let lab: MigrationLab;

beforeAll(async () => {
  lab = await MigrationLab.boot({ size });
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Fails unless the migration was refused at statement 1, and the guest noticed nothing. */
async function expectRefusal(asked: Asked, kind: ErrorKind, message: string): Promise<string> {
  const watched = await lab.migrate(asked);
  expect(watched.error?.kind, watched.error?.message).toBe(kind);
  expect(watched.error?.message.slice(0, message.length)).toBe(message);
  expect(watched.error?.hint, 'a hint').toBeDefined();
  expect(watched.summary).toMatchObject({ outcome: 'failed', rounds: 0, sentBytes: 0 });
  await lab.expectUnharmed();
  return watched.error!.message;
}

type FileRequest = Extract<DestinationRequest, { type: 'file' }>;

function file(path: string): FileRequest {
  return { type: 'file', path, format: 'raw', overwrite: false };
}

/** Another QEMU, whose guest stands, with a disk of the same size. */
async function startOther(
  disk: Readonly<Record<string, unknown>> = {},
): Promise<AsyncDisposable & { readonly host: string; readonly image: string }> {
  const folder = lab.newPath('qemu');
  await mkdir(folder);
  const image = await makeRaw(join(folder, 'image'), size);
  const qemu = await startQemu(folder, rawDisk(image, disk));
  return { host: `unix:${qemu.monitor}`, image, [Symbol.asyncDispose]: () => qemu.stop() };
}

/** Both ways to a file: by the guest's own QEMU, and by a process that is started for it. */
describe.each([true, false])('a file, with pivot: %s', (pivot) => {
  test('that is too small', async () => {
    const path = await makeRaw(lab.newPath(), size - MiB);
    const message = `The image ${path} is too small: ${size - MiB} bytes, and the disk has ${size}.`;
    await expectRefusal({ pivot, destination: file(path) }, 'destination', message);
  });

  test('that is too large for its format', async () => {
    const path = await makeQcow2(lab.newPath(), size + MiB);
    const destination = { type: 'file', path, format: 'qcow2', overwrite: false } as const;
    const message = `The image ${path} is too large: ${size + MiB} bytes, and the disk has ${size}.`;
    await expectRefusal({ pivot, destination }, 'destination', message);
  });

  test('that holds data', async () => {
    const path = lab.newPath();
    await writeFile(path, 'precious');
    await truncate(path, size);
    const message = `The image ${path} is there and holds data.`;
    await expectRefusal({ pivot, destination: file(path) }, 'destination', message);
  });

  test('in a folder that is not there', async () => {
    const path = join(lab.folder, 'nowhere', 'image');
    const message = `The image ${path} can't be made: its folder does not exist`;
    await expectRefusal({ pivot, destination: file(path) }, 'destination', message);
  });

  test('that is a folder', async () => {
    const path = lab.newPath();
    await mkdir(path);
    const message = `The image ${path} is neither a regular file nor a block device`;
    await expectRefusal({ pivot, destination: file(path) }, 'destination', message);
  });

  test.each(['new', 'there'])('that is %s, on a file system that is read-only', async (name) => {
    const prepare = `truncate -s ${size} there && mount -o remount,ro /mnt`;
    await using readOnly = await startSmallFolder(MiB, prepare);
    const path = join(readOnly.folder, name);
    const message = `The image ${path} is on a read-only file system`;
    await expectRefusal({ pivot, destination: file(path) }, 'destination', message);
  });

  test('that another guest has', async () => {
    await using other = await startOther();
    const message = `The image ${other.image} is in use by somebody else`;
    await expectRefusal({ pivot, destination: file(other.image) }, 'destination', message);
  });

  test('that is the source', async () => {
    const path = lab.guest.disks[0]!.image;
    const message = `The image ${path} is in use by `;
    const destination = { ...file(path), overwrite: true };
    await expectRefusal({ pivot, destination }, 'destination', message);
  });

  test('that is the source under another name', async () => {
    const path = lab.newPath('link');
    await symlink(lab.guest.disks[0]!.image, path);
    const message = `The image ${path} is in use by `;
    const destination = { ...file(path), overwrite: true };
    await expectRefusal({ pivot, destination }, 'destination', message);
  });
});

describe('an NBD server', () => {
  const nbd = (uri: string): Asked => ({ pivot: false, destination: { type: 'nbd', uri } });

  test('that is not there', async () => {
    const uri = `nbd+unix:///?socket=${lab.newPath('nobody')}`;
    await expectRefusal(nbd(uri), 'destination', `The export ${uri} can't be reached: `);
  });

  test('that is too small', async () => {
    await using server = await startNbdkit(lab.newPath('nbd'), 'memory', String(size - MiB));
    const message = `The export ${server.uri} is too small: ${size - MiB} bytes, and the disk has ${size}.`;
    await expectRefusal(nbd(server.uri), 'destination', message);
  });

  test('that is read-only', async () => {
    const socket = lab.newPath('nbd');
    await using server = await startNbdkit(socket, '--readonly', 'memory', String(size));
    const message = `The export ${server.uri} is read-only.`;
    await expectRefusal(nbd(server.uri), 'destination', message);
  });

  test('without an export of that name', async () => {
    const image = await makeRaw(lab.newPath(), size);
    await using server = await startQemuNbd(image, lab.newPath('nbd'), '--export-name=disk');
    const uri = server.uri.replace('///', '///other');
    await expectRefusal(nbd(uri), 'destination', `The server of ${uri} refuses the export: `);
  });

  test('to which a guest can not be pivoted', async () => {
    await using server = await startNbdkit(lab.newPath('nbd'), 'memory', String(size));
    const asked = { pivot: true, destination: { type: 'nbd', uri: server.uri } } as const;
    await expectRefusal(asked, 'usage', 'The guest can only be pivoted to an image that its own');
  });
});

describe('a source', () => {
  test('without a disk of that name', async () => {
    const message = 'There is no disk sda on unix:';
    await expectRefusal({ disk: 'sda' }, 'usage', message);
  });

  test('whose monitor is not there', async () => {
    const path = lab.newPath('nobody');
    const message = `Connecting to unix:${path} failed: `;
    await expectRefusal({ host: `unix:${path}` }, 'connect', message);
  });

  test('whose address is no socket', async () => {
    const path = lab.newPath('file');
    await writeFile(path, '');
    const message = `Connecting to unix:${path} failed: `;
    await expectRefusal({ host: `unix:${path}` }, 'connect', message);
  });

  test('whose address is an NBD server', async () => {
    await using server = await startNbdkit(lab.newPath('nbd'), 'memory', String(size));
    const host = server.uri.replace('nbd+unix:///?socket=', 'unix:');
    await expectRefusal({ host }, 'protocol', `${host} does not speak QMP: it began with `);
  });

  test('whose QEMU has no dirty bitmaps', async () => {
    await using relay = await QmpRelay.listen(lab.newPath('qmp'), lab.guest.qmp, {
      onReturn: ({ execute }, value) =>
        execute === 'query-commands'
          ? (value as { name: string }[]).filter(({ name }) => !name.includes('dirty-bitmap'))
          : value,
    });
    const message = await expectRefusal(
      { host: relay.host },
      'hypervisor',
      `${relay.host} is QEMU`,
    );
    expect(message).toMatch(/can't track a disk: it lacks block-dirty-bitmap-add/);
  });

  test('whose QEMU says that it has dirty bitmaps, and has not', async () => {
    await using relay = await QmpRelay.listen(lab.newPath('qmp'), lab.guest.qmp, {
      onRequest: ({ execute }) =>
        execute === 'block-dirty-bitmap-add'
          ? {
              error: {
                class: 'CommandNotFound',
                desc: `The command ${execute} has not been found`,
              },
            }
          : undefined,
    });
    const message = `The disk disk0 of ${relay.host} could not be tracked: `;
    await expectRefusal({ host: relay.host }, 'hypervisor', message);
  });

  test('that is read-only', async () => {
    await using other = await startOther({ 'read-only': true });
    const message = `The disk disk0 of ${other.host} is read-only`;
    await expectRefusal({ host: other.host }, 'hypervisor', message);
  });
});
