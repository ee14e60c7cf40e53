/** Starts a simulated guest in a process of its own, which outlives the command: its host speaks QMP and NBD on sockets or ports. */
import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { builtPath } from '../base/built-files.js';
import { throwIfCancelled } from '../base/cancel.js';
import { CancelledError, LabError, UsageError } from '../base/errors.js';
import { labFolders, makePrivateFolder, placesOf } from './folders.js';
import { checkName, labStatus } from './guest.js';
import { processName } from './qemu-arguments.js';
import type { LabGuest } from './types.js';

export interface SimulatedOptions {
  /** 1 to 32 characters of `a-z0-9-`. */
  readonly name: string;
  /** A built-in workload, or the path of a description. */
  readonly workload: string;
  /** Of the disk, in bytes. */
  readonly size: number;
  /** Of the guest's page cache, in bytes. */
  readonly memory: number;
  readonly seed: number;
  /** What the workload's rates are multiplied by. */
  readonly rate: number;
  /** How much faster than real time the guest goes. */
  readonly speed: number;
  /** What its NBD servers carry, in bytes a second; absent is no bound. */
  readonly network?: number;
  readonly probe: boolean;
  /**
   * It listens on ports of this machine's loopback address instead of sockets in a folder: this port
   * and the four above it, or any that are free where it is 0. Where absent, sockets in a folder are
   * used, and on Windows, which has none that others could use, free ports.
   */
  readonly tcp?: number;
}

/** What the host's process says on its output, in one line. */
export type HostGreeting = { readonly guest: LabGuest } | { readonly error: string };

/** What the host's process is told, as its last argument. */
export interface HostRequest extends SimulatedOptions {
  /** Where its sockets are. */
  readonly folder: string;
  /** Where its disk's image is to be, and what its console says. */
  readonly image: string;
  readonly console: string;
}

const START_TIMEOUT_MS = 30_000;
/** The most that a first of five ports can be. */
const HIGHEST_FIRST_PORT = 65_531;

/**
 * Starts a simulated guest; it is busy when this resolves.
 * @throws LabError when it does not start, or one of that name runs; UsageError; CancelledError.
 */
export async function simulatedUp(
  options: SimulatedOptions,
  signal?: AbortSignal,
): Promise<LabGuest> {
  const { name } = options;
  checkName(name);
  const tcp = options.tcp ?? (process.platform === 'win32' ? 0 : undefined);
  if (tcp !== undefined && !(Number.isInteger(tcp) && tcp >= 0 && tcp <= HIGHEST_FIRST_PORT))
    throw new UsageError(
      `A simulated guest can't listen at the port ${tcp} and the four above it.`,
      {
        hint: `Give a port up to ${HIGHEST_FIRST_PORT}, or none for ports that are free.`,
      },
    );
  if ((await labStatus()).some((guest) => guest.name === name))
    throw new LabError(`The lab guest ${name} runs already.`, {
      hint: `End it with: migrascope lab down ${name}. Or give another --name.`,
    });
  const places = placesOf(name);
  const { guests, images } = labFolders();
  await makePrivateFolder(guests);
  await makePrivateFolder(images);
  for (const folder of [places.folder, places.images]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  try {
    const request = {
      ...options,
      ...{ folder: places.folder, image: places.image, console: places.console },
      ...(tcp === undefined ? {} : { tcp }),
    };
    const guest = await start(request, signal);
    await writeFile(places.state, JSON.stringify(guest), { mode: 0o600 });
    return guest;
  } catch (error) {
    for (const folder of [places.folder, places.images])
      await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function start(request: HostRequest, signal: AbortSignal | undefined): Promise<LabGuest> {
  throwIfCancelled(signal, 'Starting the simulated guest');
  const script = await builtPath('simulated-host.js');
  // By the name among its arguments it is known again later.
  const args = [script, processName(request.name), JSON.stringify(request)];
  const child = spawn(process.execPath, args, {
    detached: true,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const limit = AbortSignal.timeout(START_TIMEOUT_MS);
  const either = AbortSignal.any([limit, ...(signal ? [signal] : [])]);
  try {
    const greeting = await new Promise<HostGreeting>((resolve, reject) => {
      let said = '';
      const fail = (why: string): void =>
        reject(new LabError(`The simulated guest ${request.name} did not start: ${why}.`));
      child.once('error', (error) => fail(error.message));
      child.once('exit', (code, by) => fail(`its process ended (${by ?? `exit code ${code}`})`));
      either.addEventListener('abort', () => fail('it took too long, or was cancelled'), {
        once: true,
      });
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('\n')) resolve(JSON.parse(said) as HostGreeting);
      });
    });
    if ('error' in greeting) throw new LabError(greeting.error);
    return greeting.guest;
  } catch (error) {
    child.kill();
    if (signal?.aborted)
      throw new CancelledError('Starting the simulated guest was cancelled.', { cause: error });
    throw error;
  } finally {
    child.stdout.destroy();
    child.unref();
  }
}
