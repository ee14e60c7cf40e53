/** Whether a QEMU and a disk of its guest can do what a migration needs. */
import { HypervisorError, QmpCommandError } from '../../base/errors.js';
import type { QemuDisk } from './disks.js';
import type { QmpCommandName } from './schema.js';
import type { QemuSession } from './session.js';

const needed: readonly QmpCommandName[] = [
  'transaction',
  'block-dirty-bitmap-add',
  'block-dirty-bitmap-remove',
  'nbd-server-start',
  'block-export-add',
  'block-export-del',
  'query-block-exports',
];

/** @throws HypervisorError when QEMU lacks a command that tracking needs. */
export async function requireTracking(session: QemuSession, signal?: AbortSignal): Promise<void> {
  const commands = await session.qmp.execute('query-commands', {}, { signal });
  const names = new Set(commands.map(({ name }) => name));
  const missing = needed.filter((name) => !names.has(name));
  if (missing.length === 0) return;
  const { major, minor } = session.qmp.version.qemu;
  throw new HypervisorError(
    `${session.name} is QEMU ${major}.${minor}, which can't track a disk: it lacks ${missing.join(', ')}.`,
    { hint: 'QEMU 5.2 or later is needed, built with NBD.' },
  );
}

/** @throws HypervisorError when the disk is read-only or a block job works on it. */
export async function requireFree(
  session: QemuSession,
  { disk, node }: QemuDisk,
  signal?: AbortSignal,
): Promise<void> {
  if (disk.readOnly) {
    throw new HypervisorError(`The disk ${disk.name} of ${session.name} is read-only.`, {
      hint: 'Nothing changes on it: copy its image as it is.',
    });
  }
  const job = await jobOn(session, node, signal);
  if (job === undefined) return;
  throw new HypervisorError(
    `The disk ${disk.name} of ${session.name} is busy: the block job "${job}" works on it.`,
    { hint: `Wait for the job or end it (block-job-cancel), then try again.` },
  );
}

/** The id of a block job on `node`, if there is one; unknown to a QEMU without the debug command. */
async function jobOn(
  session: QemuSession,
  node: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const graph = await session.qmp.execute('x-debug-query-block-graph', {}, { signal });
    const ids = new Map(graph.nodes.map((entry) => [entry.id, entry]));
    const parents = graph.edges
      .filter(({ child }) => ids.get(child)?.name === node)
      .map(({ parent }) => ids.get(parent));
    return parents.find((parent) => parent?.type === 'block-job')?.name;
  } catch (error) {
    if (error instanceof QmpCommandError && error.errorClass === 'CommandNotFound')
      return undefined;
    throw error;
  }
}
