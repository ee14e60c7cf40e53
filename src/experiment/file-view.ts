/** The files of a simulated host that are in memory, as one sees them who has access to it. */
import type { FileStatus, MachineFiles } from '../hypervisor/index.js';
import type { SimulatedFiles } from '../simulator/index.js';

export class SimulatedFileView implements MachineFiles {
  /** Of each image, by which it is told from another one of the same path. */
  static readonly #inodes = new WeakMap<object, number>();
  static #count = 0;

  constructor(private readonly files: SimulatedFiles) {}

  stat(path: string): Promise<FileStatus> {
    const file = this.files.get(path);
    if (!file) return Promise.reject(missing('stat', path));
    const ino = SimulatedFileView.#inodes.get(file.image) ?? ++SimulatedFileView.#count;
    SimulatedFileView.#inodes.set(file.image, ino);
    return Promise.resolve({ dev: 1, ino, birthtimeMs: ino, blocks: 0, isFile: () => true });
  }

  lstat(path: string): Promise<FileStatus> {
    return this.stat(path);
  }

  realpath(path: string): Promise<string> {
    return Promise.resolve(path);
  }

  unlink(path: string): Promise<void> {
    return this.files.unlink(path) ? Promise.resolve() : Promise.reject(missing('unlink', path));
  }
}

function missing(what: string, path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, ${what} '${path}'`), {
    code: 'ENOENT',
  });
}
