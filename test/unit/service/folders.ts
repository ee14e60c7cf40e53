/** Folders of a test's own, for all that the product keeps and finds on a machine. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { testFolder } from '../runs/support.js';

/** Resolves with the folder that they are in; all of it is gone when the test ends. */
export async function ownFolders(): Promise<string> {
  const folder = await testFolder();
  for (const name of ['CONFIG_HOME', 'STATE_HOME', 'CACHE_HOME', 'RUNTIME_DIR'])
    vi.stubEnv(`XDG_${name}`, join(folder, name));
  for (const name of ['STATE', 'HOSTS']) vi.stubEnv(`MIGRASCOPE_${name}`, '');
  onTestFinished(() => void vi.unstubAllEnvs());
  await mkdir(join(folder, 'RUNTIME_DIR'), { mode: 0o700 });
  return folder;
}
