/**
 * The monitor's connection ends at each command of a whole migration with pivot: before QEMU has the
 * command, and after QEMU did it but before the answer is back. Whatever was in flight, the guest
 * runs, on the disk that the summary names, and nothing else is left.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exists } from './support/migration.js';
import { assertNothingLeft } from './support/qemu-leftovers.js';
import { makeTestDirectory, MiB, rawDisk, startQemu } from './support/qemu-process.js';
import type { TestQemu } from './support/qemu-process.js';
import { QmpRelay, type RelayOptions } from './support/qmp-relay.js';
import { eventsOf, watchMigration, type Watched } from './support/watched-migration.js';

/** Every command of a migration that changes something or waits for a change. */
const commands = [
  'nbd-server-start',
  'block-export-add',
  'blockdev-create',
  'job-dismiss',
  'blockdev-add',
  'block-dirty-bitmap-add',
  'transaction',
  'block-export-del',
  'block-dirty-bitmap-remove',
  'stop',
  'blockdev-mirror',
  'job-complete',
  'query-block',
  'query-jobs',
  'query-status',
  'cont',
  'nbd-server-stop',
];

let qemu: TestQemu;
let paths = 0;

beforeAll(async () => {
  const folder = await makeTestDirectory();
  const image = join(folder, 'source');
  await writeFile(image, randomBytes(4 * MiB));
  qemu = await startQemu(folder, rawDisk(image));
  await qemu.side.execute('cont', {});
});
afterAll(() => qemu.stop());

async function nodes(): Promise<string[]> {
  const all = await qemu.side.execute('query-named-block-nodes', { flat: true });
  return all.map((node) => node['node-name']!).filter((name) => !name.startsWith('#'));
}

async function nodeOfGuest(): Promise<string> {
  const [block] = await qemu.side.execute('query-block', {});
  return block!.inserted!['node-name']!;
}

/** Migrates through a relay, and checks what must hold however it ends. */
async function migrateThrough(options: (relay: () => QmpRelay) => RelayOptions): Promise<Watched> {
  const folder = join(qemu.directory, `run-${paths++}`);
  await mkdir(folder);
  const path = join(folder, 'image');
  const before = { nodes: await nodes(), node: await nodeOfGuest() };
  const relay: QmpRelay = await QmpRelay.listen(
    join(folder, 'qmp'),
    qemu.monitor,
    options(() => relay),
  );
  try {
    const watched = await watchMigration(
      {
        host: relay.host,
        disk: 'vd0',
        destination: { type: 'file', path, format: 'raw', overwrite: false },
      },
      folder,
    );
    const { error, summary } = watched;
    const node = await nodeOfGuest();
    expect(await qemu.side.execute('query-status', {})).toMatchObject({ status: 'running' });
    // Where nothing was begun there is nothing to connect again for.
    if (summary.guest !== 'unknown')
      expect(summary).toMatchObject({ guest: 'running', disk: node });
    else expect(eventsOf(watched, 'start')).toEqual([]);
    expect(summary.switchedOver).toBe(node !== before.node);
    expect(await exists(path), 'the new image').toBe(summary.switchedOver);
    expect(await nodes()).toEqual(
      expect.arrayContaining(summary.switchedOver ? [...before.nodes, node] : before.nodes),
    );
    expect(await nodes()).toHaveLength(before.nodes.length + (summary.switchedOver ? 1 : 0));
    await assertNothingLeft(qemu.side);
    if (error) expect(['connection-lost', 'hypervisor', 'connect']).toContain(error.kind);
    return watched;
  } finally {
    await relay[Symbol.asyncDispose]();
  }
}

test('these are the commands of a migration', async () => {
  const seen = new Set<string>();
  const watched = await migrateThrough(() => ({
    onRequest: ({ execute }) => {
      seen.add(execute);
      return undefined;
    },
  }));
  expect(watched.error).toBeUndefined();
  const looks = ['qmp_capabilities', 'query-pci', 'qom-get', 'qom-list', 'query-commands'];
  const more = ['query-named-block-nodes', 'x-debug-query-block-graph', 'query-chardev'];
  expect([...seen].filter((name) => ![...looks, ...more].includes(name)).sort()).toEqual(
    [...commands].sort(),
  );
});

describe.each(['has the command', 'answers'])('the connection ends before QEMU %s', (moment) => {
  test.each(commands)('%s', async (command) => {
    for (const nth of [1, 2, 3]) {
      let count = 0;
      const cutAtNth = (relay: () => QmpRelay, execute: string) => {
        if (execute === command && ++count === nth) relay().cut();
      };
      const watched = await migrateThrough((relay) =>
        moment === 'answers'
          ? {
              onReturn: ({ execute }, value) => {
                cutAtNth(relay, execute);
                return value;
              },
            }
          : {
              onRequest: ({ execute }) => {
                cutAtNth(relay, execute);
                return undefined;
              },
            },
      );
      if (count < nth) expect(watched.error).toBeUndefined();
      if (count < nth) break;
    }
  });
});
