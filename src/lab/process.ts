/** QEMU's process: started so that it outlives this one, known again later, and ended. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from '../base/errors.js';
import { runTool } from './command.js';
import { processName } from './qemu-arguments.js';

/** A guest's QEMU. */
export interface QemuProcess {
  /** Of the guest. */
  readonly name: string;
  readonly pid: number;
}

const PROGRAM = 'qemu-system-x86_64';
const END_TIMEOUT_MS = 10_000;

/**
 * Starts QEMU.
 * @param log the file that takes what it says.
 * @param program for tests.
 * @returns its process id.
 * @throws LabError when it is not on this machine.
 */
export async function startQemu(
  args: readonly string[],
  log: string,
  program = PROGRAM,
): Promise<number> {
  const out = openSync(log, 'w', 0o600);
  try {
    const child = spawn(program, args, { detached: true, stdio: ['ignore', out, out] });
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) =>
        reject(
          new LabError(`QEMU could not be started: ${program} is not to be found.`, {
            hint: 'On Debian and Ubuntu: apt-get install qemu-system-x86 qemu-utils',
            cause,
          }),
        ),
      );
      child.once('spawn', () => {
        child.unref();
        resolve(child.pid ?? 0);
      });
    });
  } finally {
    closeSync(out);
  }
}

/** Whether the process is there and still is this guest's QEMU. */
export async function isRunning({ name, pid }: QemuProcess): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => undefined);
  if (command !== undefined) return command.includes(`${processName(name)}\0`);
  if (process.platform === 'linux') return false;
  const listed = await runTool('ps', ['-p', String(pid), '-o', 'args=']).catch(() => '');
  return listed.includes(`${processName(name)} `);
}

/**
 * Ends QEMU, first in order, then at once. Does nothing when it is not running.
 * @throws LabError when it does not end.
 */
export async function endQemu(qemu: QemuProcess): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const until = performance.now() + END_TIMEOUT_MS;
    if (!(await isRunning(qemu))) return;
    send(qemu.pid, signal);
    while (performance.now() < until) {
      if (!(await isRunning(qemu))) return;
      await delay(50);
    }
  }
  throw new LabError(`The lab guest ${qemu.name} (process ${qemu.pid}) could not be ended.`);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    if (!gone) throw new LabError(`Process ${pid} could not be sent ${signal}.`, { cause: error });
  }
}
