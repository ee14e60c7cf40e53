/** The guest's disk: a sparse image with an empty file system on it. Needs no root. */
import { rm, truncate, writeFile } from 'node:fs/promises';
import { runTool } from './command.js';
import type { LabOptions } from './types.js';

/**
 * Makes the image at `path`, in place of one that is there.
 * @throws LabError when a tool is missing or fails, CancelledError.
 */
export async function makeImage(
  options: LabOptions,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const raw = options.format === 'raw' ? path : `${path}.raw`;
  await writeFile(raw, '', { mode: 0o600 });
  await truncate(raw, options.size);
  const context = signal ? { signal } : {};
  if (options.fileSystem === 'ext4')
    await runTool('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0,nodiscard', raw], {
      ...context,
      package: 'e2fsprogs',
    });
  else await runTool('mkfs.xfs', ['-q', '-K', raw], { ...context, package: 'xfsprogs' });
  if (raw === path) return;
  await runTool('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path], {
    ...context,
    package: 'qemu-utils',
  });
  await rm(raw);
}
