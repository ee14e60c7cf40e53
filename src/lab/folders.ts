/** Where the lab keeps what: sockets and state by session, kernels and images in the cache. */
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

export interface LabFolders {
  /** A folder for each guest: state, sockets, console. Socket paths are short (QEMU: 107 bytes). */
  readonly guests: string;
  /** A folder for each kernel. */
  readonly kernels: string;
  /** A folder for each guest's disk images. */
  readonly images: string;
}

/** The lab's folders for this user, by the XDG base directories where they are set. */
export function labFolders(env: NodeJS.ProcessEnv = process.env): LabFolders {
  const runtime = env.XDG_RUNTIME_DIR ?? join(tmpdir(), `migrascope-${userInfo().uid}`);
  const cache = join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'migrascope');
  return {
    guests: join(runtime, 'migrascope-lab'),
    kernels: join(cache, 'kernels'),
    images: join(cache, 'images'),
  };
}
