/** Makes the file system of a guest's disk, with the files of its workload written and at rest. */
import { UsageError } from '../../base/errors.js';
import type { LaidOutFile } from '../workload/types.js';
import type { SimulatedFile } from './file.js';
import { FileSystem } from './file-system.js';
import { Layout } from './layout.js';
import { PAGE_BYTES, type GuestDevice } from './types.js';

const SMALLEST_DISK = 16 * 1024 ** 2;
const LARGEST_DISK = 64 * 1024 ** 4;

/**
 * @param dropPages is told a file whose pages from some page on are gone.
 * @throws UsageError when the size of the disk can't be, or the files do not fit.
 */
export function makeFileSystem(
  device: GuestDevice,
  files: readonly LaidOutFile[],
  dropPages: (file: SimulatedFile, from: number) => void,
): FileSystem {
  const { size } = device;
  if (!Number.isInteger(size / PAGE_BYTES) || size < SMALLEST_DISK || size > LARGEST_DISK)
    throw new UsageError(
      `A guest can't be simulated on a disk of ${size} bytes: its size is a multiple of ${PAGE_BYTES}, from 16 MiB to 64 TiB.`,
    );
  const layout = new Layout(size / PAGE_BYTES);
  const changed = new Set<number>();
  const log = {
    touch: (page: number) => void changed.add(page),
    free: () => undefined,
    forceFree: () => undefined,
    running: undefined,
  };
  const made = new FileSystem(layout, log, dropPages);
  for (const { first, count } of layout.copies()) device.writePages(first, count);
  device.writePages(made.journalPlace.first, 1);
  for (const file of [...files].sort(byPath)) layOut(made, file, device);
  for (const page of [...changed].sort((one, other) => one - other)) device.writePages(page, 1);
  return made;
}

function byPath(one: LaidOutFile, other: LaidOutFile): number {
  if (one.path === other.path) return 0;
  return one.path < other.path ? -1 : 1;
}

function layOut(made: FileSystem, { path, pages }: LaidOutFile, device: GuestDevice): void {
  if (!Number.isInteger(pages) || pages < 0)
    throw new UsageError(`The file ${path} can't have ${pages} pages in the guest.`);
  const file = made.create(path);
  if (pages === 0) return;
  made.allocate(file, 0, pages);
  file.pages = pages;
  file.extents.visit((_start, place, count) => device.writePages(place, count));
}
