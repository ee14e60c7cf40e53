/** qemu-guest-agent for a guest: Debian's, with the libraries of this machine that it is linked to. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LabError } from '../base/errors.js';
import type { ArchiveEntry } from './cpio.js';
import { runTool } from './command.js';
import { unpackedPackage, type PackageContext } from './packages.js';

const FOLDER = 0o040755;
const PROGRAM = 0o100755;

/** guest/lab/init starts this. */
const START = `#!/bin/sh
exec /agent/qemu-ga -m virtio-serial -p /dev/virtio-ports/org.qemu.guest_agent.0 -t /run
`;

/**
 * The parts of the initial RAM disk that make the agent.
 * @throws LabError when it, or a library, can't be had; CancelledError.
 */
export async function agentEntries(context: PackageContext): Promise<ArchiveEntry[]> {
  const folder = await unpackedPackage(
    {
      what: 'qemu-guest-agent',
      folder: 'qemu-guest-agent',
      pattern: '^qemu-guest-agent$',
      hint: 'Boot the guest without --agent.',
    },
    context,
  );
  const program = join(folder, 'usr/sbin/qemu-ga');
  const libraries = librariesOf(await runTool('ldd', [program], { package: 'libc-bin' }));
  const files = libraries.map(async (path) => ({
    name: path.slice(1),
    mode: PROGRAM,
    data: await readFile(path),
  }));
  return [
    ...foldersOf(libraries).map((path) => ({ name: path.slice(1), mode: FOLDER })),
    ...(await Promise.all(files)),
    { name: 'agent', mode: FOLDER },
    { name: 'agent/run', mode: PROGRAM, data: Buffer.from(START) },
    { name: 'agent/qemu-ga', mode: PROGRAM, data: await readFile(program) },
  ];
}

/**
 * The paths that `ldd` names, the dynamic loader included.
 * @throws LabError when a library was not found.
 */
export function librariesOf(listing: string): string[] {
  const missing = /^\s*(\S+) => not found/m.exec(listing)?.[1];
  if (missing !== undefined)
    throw new LabError(`qemu-guest-agent needs the library ${missing}, which is not here.`, {
      hint: 'On Debian and Ubuntu: apt-get install qemu-guest-agent',
    });
  return [...listing.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!);
}

/** The folders that the paths lie in, each after the one above it. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set<string>();
  const add = (path: string): void => {
    if (path === '/' || folders.has(path)) return;
    add(dirname(path));
    folders.add(path);
  };
  for (const path of paths) add(dirname(path));
  return [...folders];
}
