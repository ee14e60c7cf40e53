/**
 * Removing by name what a run left in a QEMU. Needed after a lost connection: a command may have
 * been done though its answer never came. Names of other runs, and of others, are not touched.
 */
import { messageOf } from '../../base/errors.js';
import { cancelJob } from './jobs.js';
import { removeExport } from './nbd-server.js';
import type { QemuSession } from './session.js';

/** Removes everything called `migrascope-RUN-…`. Never throws: what can't be removed is logged. */
export async function sweep(session: QemuSession, run: string): Promise<void> {
  const prefix = `migrascope-${run}-`;
  const own = (name: string | undefined): name is string => name?.startsWith(prefix) === true;
  const { qmp } = session;
  const attempt = async (what: string, action: () => Promise<unknown>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      session.logger.log('warn', `Removing ${what} failed: ${messageOf(error)}`);
    }
  };
  await attempt(`the jobs of run ${run}`, async () => {
    for (const { id } of await qmp.execute('query-jobs', {})) {
      if (own(id)) await cancelJob(session, run, id);
    }
  });
  await attempt(`the exports of run ${run}`, async () => {
    for (const { id } of await qmp.execute('query-block-exports', {})) {
      if (own(id)) await removeExport(session, run, id);
    }
  });
  await attempt(`the bitmaps and nodes of run ${run}`, async () => {
    for (const block of await qmp.execute('query-named-block-nodes', { flat: true })) {
      const node = block['node-name'];
      if (node === undefined) continue;
      for (const { name } of block['dirty-bitmaps'] ?? []) {
        if (own(name)) await session.remove(run, 'block-dirty-bitmap-remove', { node, name });
      }
      if (own(node)) await session.remove(run, 'blockdev-del', { 'node-name': node });
    }
  });
}
