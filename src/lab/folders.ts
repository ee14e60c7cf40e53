/** Where the lab keeps what: sockets and state by session, kernels and images in the cache. */
import { lstat, mkdir } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { LabError } from '../base/errors.js';

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

/**
 * Makes a folder that nobody else can look into, and those above it that are missing.
 * @throws LabError when it is there and belongs to somebody else, as it might under /tmp.
 */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  // Windows keeps what is in a user's own folders to that user, and has no mode that would tell.
  if (process.platform === 'win32') return;
  const found = await lstat(path);
  const own = found.isDirectory() && found.uid === userInfo().uid && (found.mode & 0o022) === 0;
  if (own) return;
  throw new LabError(`The lab can't use ${path}: others can write there.`, {
    hint: 'Set XDG_RUNTIME_DIR to a folder of your own, or delete this one.',
  });
}

/** Where the parts of one guest are. */
export interface GuestPlaces {
  readonly folder: string;
  readonly images: string;
  /** What is told of the guest, as JSON. */
  readonly state: string;
  readonly image: string;
  readonly initrd: string;
  readonly console: string;
  /** What QEMU said. */
  readonly log: string;
}

/** Where the parts of the guest called `name` are. */
export function placesOf(name: string, folders: LabFolders = labFolders()): GuestPlaces {
  const folder = join(folders.guests, name);
  const images = join(folders.images, name);
  return {
    folder,
    images,
    state: join(folder, 'guest.json'),
    image: join(images, 'disk0.img'),
    initrd: join(folder, 'initrd.gz'),
    console: join(folder, 'console.log'),
    log: join(folder, 'qemu.log'),
  };
}
