/** Boots a lab guest, tells which run, and ends them. A guest outlives the command that booted it. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CancelledError, LabError, UsageError } from '../base/errors.js';
import { chooseAccelerator, type AcceleratorChoice } from './accelerator.js';
import { runTool } from './command.js';
import { labFolders } from './folders.js';
import { writeInitramfs } from './initramfs.js';
import { findKernel } from './kernel.js';
import { LAB_DEFAULTS, type LabGuest, type LabOptions } from './types.js';

/** A guest under TCG boots in about ten seconds; filling a large disk takes longer. */
const BOOT_TIMEOUT_MS = 300_000;
const END_TIMEOUT_MS = 10_000;
const SERIAL = 'lab-disk0';

export interface LabUpContext {
  readonly signal?: AbortSignal;
  /** Is told what is done, a sentence at a time. */
  readonly progress?: (message: string) => void;
}

/** Where the parts of one guest are. */
function placesOf(name: string) {
  const folders = labFolders();
  const folder = join(folders.guests, name);
  const images = join(folders.images, name);
  return {
    kernels: folders.kernels,
    folder,
    images,
    state: join(folder, 'guest.json'),
    image: join(images, 'disk0.img'),
    initrd: join(folder, 'initrd.gz'),
    console: join(folder, 'console.log'),
    log: join(folder, 'qemu.log'),
    socket: (port: string) => join(folder, port),
  };
}

/**
 * Boots a guest and waits until it is busy.
 * @throws LabError when something is missing or the guest does not come up (it is ended then),
 * UsageError for options that can't be, CancelledError.
 */
export async function labUp(
  partial: Partial<LabOptions> = {},
  context: LabUpContext = {},
): Promise<LabGuest> {
  const options = { ...LAB_DEFAULTS, ...partial };
  checkOptions(options);
  const { signal, progress = () => undefined } = context;
  const places = placesOf(options.name);
  if ((await labStatus()).some((guest) => guest.name === options.name))
    throw new LabError(`The lab guest ${options.name} runs already.`, {
      hint: `End it with: migrascope lab down ${options.name}. Or give another --name.`,
    });
  const accelerator = chooseAccelerator(options.accelerator);
  progress(accelerator.reason);
  await rm(places.folder, { recursive: true, force: true });
  await mkdir(places.folder, { recursive: true, mode: 0o700 });
  await mkdir(places.images, { recursive: true, mode: 0o700 });
  try {
    const boot = await prepareBoot(options, places, progress, signal);
    progress(`Making a disk of ${options.size / 1024 ** 2} MiB with ${options.fileSystem} …`);
    await makeImage(options, places.image, signal);
    const pid = startQemu(options, places, boot, accelerator);
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
    if (guest && (await runs(guest))) found.push(guest);
  }
  return found;
}

/**
 * Ends a guest and deletes its disk.
 * @returns whether there was one.
 */
export async function labDown(name: string): Promise<boolean> {
  const places = placesOf(name);
  const guest = await readState(name);
  if (guest && (await runs(guest))) await end(guest);
  await rm(places.folder, { recursive: true, force: true });
  await rm(places.images, { recursive: true, force: true });
  return guest !== undefined;
}

type Places = ReturnType<typeof placesOf>;

interface Boot {
  readonly kernel: string;
  readonly initrd: string;
  readonly release: string;
}

function checkOptions(options: LabOptions): void {
  if (!/^[a-z0-9-]{1,32}$/.test(options.name))
    throw new UsageError(`A lab guest can't be called ${options.name}.`, {
      hint: 'Use 1 to 32 of the characters a-z, 0-9 and -.',
    });
  if (options.size < 64 * 1024 ** 2 || options.size % 4096 !== 0)
    throw new UsageError(`A lab disk of ${options.size} bytes can't be.`, {
      hint: 'Use 64 MiB or more, a multiple of 4 KiB.',
    });
  if ((options.kernel === undefined) !== (options.initrd === undefined))
    throw new UsageError('--kernel and --initrd go together.', {
      hint: 'Give both, or neither for the kernel that the lab builds.',
    });
}

async function prepareBoot(
  options: LabOptions,
  places: Places,
  progress: (message: string) => void,
  signal: AbortSignal | undefined,
): Promise<Boot> {
  if (options.kernel !== undefined && options.initrd !== undefined)
    return { kernel: options.kernel, initrd: options.initrd, release: options.kernel };
  const kernel = await findKernel(options.kernelVersion, places.kernels, progress, signal);
  await writeInitramfs(kernel, places.initrd);
  return { kernel: kernel.image, initrd: places.initrd, release: kernel.release };
}

async function makeImage(
  options: LabOptions,
  image: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const raw = options.format === 'raw' ? image : `${image}.raw`;
  await writeFile(raw, '', { mode: 0o600 });
  await truncate(raw, options.size);
  const context = signal ? { signal } : {};
  if (options.fileSystem === 'ext4')
    await runTool('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0,nodiscard', raw], {
      ...context,
      package: 'e2fsprogs',
    });
  else await runTool('mkfs.xfs', ['-q', '-K', raw], { ...context, package: 'xfsprogs' });
  if (raw === image) return;
  await runTool('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, image], {
    ...context,
    package: 'qemu-utils',
  });
  await rm(raw);
}

function startQemu(
  options: LabOptions,
  places: Places,
  boot: Boot,
  accelerator: AcceleratorChoice,
): number | undefined {
  const log = openSync(places.log, 'w', 0o600);
  try {
    const child = spawn('qemu-system-x86_64', qemuArguments(options, places, boot, accelerator), {
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.on('error', () => undefined);
    child.unref();
    return child.pid;
  } finally {
    closeSync(log);
  }
}

function qemuArguments(
  options: LabOptions,
  places: Places,
  boot: Boot,
  accelerator: AcceleratorChoice,
): string[] {
  const settings = {
    serial: SERIAL,
    filesystem: options.fileSystem,
    workload: options.workload,
    seed: options.seed,
    size: options.size,
    rate: options.rate,
    probe: options.probe ? 'yes' : 'no',
  };
  const append = Object.entries(settings).map(([key, value]) => `lab.${key}=${value}`);
  const file = { driver: 'file', filename: places.image, 'node-name': 'file0', discard: 'unmap' };
  const disk = { driver: options.format, 'node-name': 'disk0', discard: 'unmap', file };
  const port = (name: string) => [
    ...['-chardev', `socket,id=${name},path=${places.socket(name)},server=on,wait=off`],
    ...['-device', `virtserialport,chardev=${name},name=org.migrascope.${name}.0`],
  ];
  return [
    ...['-name', `migrascope-lab-${options.name}`, '-pidfile', join(places.folder, 'pid')],
    ...['-machine', 'q35', ...accelerator.args],
    ...['-m', String(Math.ceil(options.memory / 1024 ** 2)), '-smp', '1'],
    ...['-display', 'none', '-nodefaults', '-no-user-config'],
    ...['-kernel', boot.kernel, '-initrd', boot.initrd],
    ...['-append', `console=ttyS0 quiet panic=-1 ${append.join(' ')}`],
    ...['-serial', `file:${places.console}`],
    ...['-blockdev', JSON.stringify(disk)],
    ...['-device', `virtio-blk-pci,drive=disk0,id=vda,serial=${SERIAL}`],
    ...['-device', 'virtio-serial-pci,id=serial'],
    ...port('probe'),
    ...port('control'),
    ...['-qmp', `unix:${places.socket('qmp')},server=on,wait=off`],
    ...['-qmp', `unix:${places.socket('monitor')},server=on,wait=off`],
    ...(options.extra ?? []),
  ];
}

function describe(
  options: LabOptions,
  places: Places,
  release: string,
  { accelerator }: AcceleratorChoice,
  pid: number | undefined,
): LabGuest {
  if (pid === undefined)
    throw new LabError('QEMU could not be started: qemu-system-x86_64 is not on this machine.', {
      hint: 'On Debian and Ubuntu: apt-get install qemu-system-x86',
    });
  const { size, format, fileSystem, workload, name } = options;
  return {
    name,
    pid,
    qmp: `unix:${places.socket('qmp')}`,
    monitor: `unix:${places.socket('monitor')}`,
    disks: [{ name: 'disk0', size, image: places.image, format, fileSystem }],
    probe: `unix:${places.socket('probe')}`,
    control: `unix:${places.socket('control')}`,
    accelerator,
    kernel: release,
    workload,
    console: places.console,
  };
}

async function waitUntilReady(
  guest: LabGuest,
  log: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const until = performance.now() + BOOT_TIMEOUT_MS;
  for (;;) {
    if (signal?.aborted) throw new CancelledError('Booting the lab guest was cancelled.');
    const console = await readFile(guest.console, 'latin1').catch(() => '');
    if (console.includes('lab: READY')) return;
    const tail = console.trim().split('\n').slice(-5).join('\n');
    if (console.includes('lab: FAILED'))
      throw new LabError(`The lab guest did not come up. Its console says:\n${tail}`);
    if (!(await runs(guest))) {
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

/** Whether the process is there and still is this guest's QEMU. */
async function runs(guest: LabGuest): Promise<boolean> {
  const command = await readFile(`/proc/${guest.pid}/cmdline`, 'latin1').catch(() => undefined);
  if (command !== undefined) return command.includes(`migrascope-lab-${guest.name}\0`);
  if (process.platform === 'linux') return false;
  const listed = await runTool('ps', ['-p', String(guest.pid), '-o', 'args=']).catch(() => '');
  return listed.includes(`migrascope-lab-${guest.name} `);
}

async function end(guest: LabGuest): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    process.kill(guest.pid, signal);
    const until = performance.now() + END_TIMEOUT_MS;
    while (performance.now() < until) {
      if (!(await runs(guest))) return;
      await delay(50);
    }
  }
  throw new LabError(`The lab guest ${guest.name} (process ${guest.pid}) could not be ended.`);
}
