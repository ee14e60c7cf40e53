/** What a run may have left in a QEMU: nothing called `migrascope-`, once it has ended. */
import { expect } from 'vitest';
import type { QmpClient } from '../../../src/hypervisor/index.js';

const prefix = 'migrascope-';

/** Names of everything in QEMU that a run made and that is still there. */
export async function leftovers(qmp: QmpClient): Promise<string[]> {
  const nodes = await qmp.execute('query-named-block-nodes', { flat: true });
  const names = [
    ...nodes.map((node) => node['node-name'] ?? ''),
    ...nodes.flatMap((node) => (node['dirty-bitmaps'] ?? []).map(({ name }) => name ?? '')),
    ...(await qmp.execute('query-block-exports', {})).map(({ id }) => id),
    ...(await qmp.execute('query-jobs', {})).map(({ id }) => id),
    ...(await qmp.execute('query-chardev', {})).map(({ label }) => label),
    ...(await qmp.execute('qom-list', { path: '/machine/peripheral' })).map(({ name }) => name),
  ];
  return names.filter((name) => name.startsWith(prefix));
}

/** Fails when a run left anything, or when QEMU's NBD server still listens. */
export async function assertNothingLeft(qmp: QmpClient): Promise<void> {
  expect(await leftovers(qmp)).toEqual([]);
  await assertNoNbdServer(qmp);
}

/** Fails when an NBD server runs in QEMU. */
export async function assertNoNbdServer(qmp: QmpClient): Promise<void> {
  await expect(qmp.execute('nbd-server-stop', {})).rejects.toMatchObject({
    description: 'NBD server not running',
  });
}
