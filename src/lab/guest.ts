/** Boots a lab guest, tells which run, and ends them. A guest outlives the command that booted it. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { CancelledError, LabError, UsageError } from '../base/errors.js';
import { chooseAccelerator, type AcceleratorChoice } from './accelerator.js';
import { labFolders, makePrivateFolder, placesOf, type GuestPlaces } from './folders.js';
import { makeImage } from './image.js';
import { writeInitramfs } from './initramfs.js';
import { findKernel } from './kernel.js';
import type { PackageContext } from './packages.js';
import { endGuest, isUp } from './presence.js';
import { isRunning, startQemu } from './process.js';
import { portsOf, qemuArguments, socketOf, type Boot } from './qemu-arguments.js';
import { LAB_DEFAULTS, type BootedGuest, type LabGuest, type LabOptions } from './types.js';

/** A guest under TCG boots in about ten seconds; filling a large disk takes longer. */
const BOOT_TIMEOUT_MS = 300_000;
const CONSOLE_TAIL_LINES = 8;
const MIB = 1024 ** 2;
/** In bytes; what mkfs makes a file system of. */
const SMALLEST_DISK = { ext4: 64 * MIB, xfs: 300 * MIB };

export interface LabUpContext {
  readonly signal?: AbortSignal;
  /** Is told what is done, a sentence at a time. */
  readonly progress?: (message: string) => void;
}

/**
 * Boots a guest and waits until it is busy.
 * @throws LabError when something is missing or the guest does not come up (it is ended then),
 * UsageError for options that can't be, CancelledError.
 */
export async function labUp(
  partial: Partial<LabOptions> = {},
  context: LabUpContext = {},
): Promise<BootedGuest> {
  const options = { ...LAB_DEFAULTS, ...partial };
  checkOptions(options);
  const { signal, progress = () => undefined } = context;
  const places = placesOf(options.name);
  const accelerator = chooseAccelerator(options.accelerator);
  progress(accelerator.reason);
  await makeFolders(options.name, places);
  try {
    const boot = await prepareBoot(options, places, {
      cache: labFolders().kernels,
      progress,
      ...(signal ? { signal } : {}),
    });
    progress(`Making a disk of ${options.size / MIB} MiB with ${options.fileSystem} …`);
    await makeImage(options, places.image, signal);
    const args = qemuArguments(options, places, boot, accelerator);
    const pid = await startQemu(args, places.log);
    const guest = describe(options, places, boot.release, accelerator, pid);
    await writeFile(places.state, JSON.stringify(guest), { mode: 0o600 });
    progress('Booting, and filling the disk …');
    await waitUntilReady(guest, places.log, signal);
    return guest;
  } catch (error) {
    await labDown(options.name);
    throw error;
  }
}

/** The guests that run, by name. */
export async function labStatus(): Promise<LabGuest[]> {
  const { guests } = labFolders();
  const names = await readdir(guests).catch(() => []);
  const found: LabGuest[] = [];
  for (const name of names.sort()) {
    const guest = await readState(name);
    if (guest && (await isUp(guest))) found.push(guest);
  }
  return found;
}

/**
 * Ends a guest and deletes its disk.
 * @returns whether there was one.
 * @throws UsageError when no guest can be called `name`, LabError when it can't be ended.
 */
export async function labDown(name: string): Promise<boolean> {
  checkName(name);
  const places = placesOf(name);
  const guest = await readState(name);
  if (guest) await endGuest(guest);
  await rm(places.folder, { recursive: true, force: true });
  await rm(places.images, { recursive: true, force: true });
  return guest !== undefined;
}

/** @throws UsageError when no guest can be called `name`. */
export function checkName(name: string): void {
  if (/^[a-z0-9-]{1,32}$/.test(name)) return;
  throw new UsageError(`A lab guest can't be called ${name}.`, {
    hint: 'Use 1 to 32 of the characters a-z, 0-9 and -.',
  });
}

function checkOptions(options: LabOptions): void {
  checkName(options.name);
  const smallest = SMALLEST_DISK[options.fileSystem];
  if (options.size < smallest || options.size % 4096 !== 0)
    throw new UsageError(
      `A lab disk of ${options.size} bytes with ${options.fileSystem} can't be.`,
      { hint: `Use ${smallest / MIB} MiB or more, a multiple of 4 KiB.` },
    );
  if ((options.kernel === undefined) !== (options.initrd === undefined))
    throw new UsageError('--kernel and --initrd go together.', {
      hint: 'Give both, or neither for the kernel that the lab builds.',
    });
}

async function makeFolders(name: string, places: GuestPlaces): Promise<void> {
  if ((await labStatus()).some((guest) => guest.name === name))
    throw new LabError(`The lab guest ${name} runs already.`, {
      hint: `End it with: migrascope lab down ${name}. Or give another --name.`,
    });
  const { guests, images } = labFolders();
  await makePrivateFolder(guests);
  await makePrivateFolder(images);
  await rm(places.folder, { recursive: true, force: true });
  await mkdir(places.folder, { mode: 0o700 });
  await mkdir(places.images, { recursive: true, mode: 0o700 });
}

async function prepareBoot(
  options: LabOptions,
  places: GuestPlaces,
  context: PackageContext,
): Promise<Boot> {
  const { kernel: image, initrd } = options;
  if (image !== undefined && initrd !== undefined) return { kernel: image, initrd, release: image };
  const kernel = await findKernel(options.kernelVersion, context);
  await writeInitramfs(options, kernel, places.initrd, context);
  return { kernel: kernel.image, initrd: places.initrd, release: kernel.release };
}

function describe(
  options: LabOptions,
  places: GuestPlaces,
  release: string,
  { accelerator }: AcceleratorChoice,
  pid: number,
): BootedGuest {
  const { size, format, fileSystem, workload, name } = options;
  const address = (port: Parameters<typeof socketOf>[1]) => `unix:${socketOf(places, port)}`;
  const ports = portsOf(options);
  return {
    name,
    pid,
    qmp: address('qmp'),
    monitor: address('monitor'),
    disks: [{ name: 'disk0', size, image: places.image, format, fileSystem }],
    ...(ports.includes('probe') ? { probe: address('probe') } : {}),
    ...(ports.includes('agent') ? { agent: address('agent') } : {}),
    control: address('control'),
    accelerator,
    kernel: release,
    workload,
    console: places.console,
  };
}

async function waitUntilReady(
  guest: BootedGuest,
  log: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const until = performance.now() + BOOT_TIMEOUT_MS;
  for (;;) {
    if (signal?.aborted) throw new CancelledError('Booting the lab guest was cancelled.');
    const console = await readFile(guest.console, 'latin1').catch(() => '');
    if (console.includes('lab: READY')) return;
    const tail = console.trim().split('\n').slice(-CONSOLE_TAIL_LINES).join('\n');
    if (console.includes('lab: FAILED'))
      throw new LabError(`The lab guest did not come up. Its console says:\n${tail}`);
    if (!(await isRunning(guest))) {
      const said = (await readFile(log, 'latin1').catch(() => '')).trim();
      throw new LabError(`QEMU ended while the guest booted: ${said || tail || 'it said nothing'}`);
    }
    if (performance.now() > until)
      throw new LabError(
        `The lab guest was not ready in ${BOOT_TIMEOUT_MS / 1000} s. Its console says:\n${tail}`,
      );
    await delay(100);
  }
}

async function readState(name: string): Promise<LabGuest | undefined> {
  try {
    return JSON.parse(await readFile(placesOf(name).state, 'utf8')) as LabGuest;
  } catch {
    return undefined;
  }
}
