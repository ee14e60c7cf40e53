/** A lab guest for a test: booted, checked, and ended whatever the test does. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import {
  ControlPort,
  labDown,
  labUp,
  type BootedGuest,
  type LabOptions,
} from '../../../src/lab/index.js';

export interface TestGuest {
  readonly guest: BootedGuest;
  /** Runs a shell command in the guest; throws unless it ends with 0. */
  run(command: string, timeoutMs?: number): Promise<string>;
  /** Has the guest check every page that it ever wrote against its disk; gives the number of pages. */
  verify(): Promise<number>;
}

let counter = 0;

/** A name that no other guest of this machine has. */
export function guestName(): string {
  return `test-${process.pid}-${counter++}`;
}

/** Boots a guest; the caller ends it. */
export async function bootGuest(
  options: Partial<LabOptions> = {},
): Promise<TestGuest & AsyncDisposable> {
  const guest = await labUp({
    size: 256 * 1024 ** 2,
    memory: 320 * 1024 ** 2,
    name: guestName(),
    ...options,
  });
  const port = await ControlPort.open(guest.control.replace('unix:', '')).catch(
    async (error: unknown) => {
      await labDown(guest.name);
      throw error;
    },
  );
  const run = async (command: string, timeoutMs = 60_000): Promise<string> => {
    const { status, output } = await port.run(command, { timeoutMs });
    if (status !== 0) throw new Error(`In the guest, '${command}' ended with ${status}: ${output}`);
    return output;
  };
  return {
    guest,
    run,
    verify: async () => {
      const result = await run(
        'rm -f /run/workload.check; kill -USR1 $(cat /run/workload.pid) && ' +
          'for i in $(seq 600); do [ -e /run/workload.check ] && break; sleep 0.2; done; cat /run/workload.check',
        150_000,
      );
      const pages = /^ok (\d+)\n$/.exec(result)?.[1];
      if (pages === undefined)
        throw new Error(`The guest's files are not what it wrote: ${result}`);
      return Number(pages);
    },
    [Symbol.asyncDispose]: async () => {
      port.close();
      await labDown(guest.name);
    },
  };
}

/** Boots a guest for `test` and ends it afterwards. */
export async function withLab<T>(
  options: Partial<LabOptions>,
  test: (guest: TestGuest) => Promise<T>,
): Promise<T> {
  const guest = await bootGuest(options);
  try {
    return await test(guest);
  } finally {
    await guest[Symbol.asyncDispose]();
  }
}

const execute = promisify(execFile);

/**
 * Checks the file system in a raw image, without changing it: `e2fsck -fn`, or `xfs_repair -n`.
 * The image must not be written meanwhile. Throws with the tool's words when it finds an error.
 */
export async function checkFileSystem(image: string, fileSystem: string): Promise<void> {
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  if (fileSystem === 'ext4') await execute('e2fsck', ['-fn', image], { env });
  else await execute('xfs_repair', ['-n', image], { env });
}
