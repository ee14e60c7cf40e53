/** Processes of this machine: how one is named so that no later one is taken for it, and whether it lives. */
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { JournalError } from '../../base/errors.js';
import type { ProcessIdentity } from './types.js';

/** Where the kernel tells of processes. */
const PROC = '/proc';

/**
 * The identity of a process that lives.
 * @throws JournalError when there is no such process.
 */
export async function identifyProcess(pid: number = process.pid): Promise<ProcessIdentity> {
  const machine = hostname();
  const [bootId, pidNamespace] = await Promise.all([readBootId(), readPidNamespace()]);
  if (bootId === undefined) return { pid, machine };
  const stat = await readStat(pid);
  if (!stat) throw new JournalError(`There is no process ${pid}.`);
  return {
    pid,
    machine,
    bootId,
    startTime: stat.startTime,
    ...(pidNamespace === undefined ? {} : { pidNamespace }),
  };
}

/** Whether two identities are of one process. */
export function isSameProcess(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return (
    one.pid === other.pid &&
    one.startTime === other.startTime &&
    one.bootId === other.bootId &&
    one.machine === other.machine
  );
}

/** Whether a process lives: a stopped one does, a dead one whose parent has not yet heard of it does not. */
export async function processLives(
  identity: ProcessIdentity,
): Promise<'alive' | 'dead' | 'unknown'> {
  if (identity.machine !== hostname()) return 'unknown';
  const bootId = await readBootId();
  if (bootId === undefined || identity.bootId === undefined) return signalReaches(identity.pid);
  if (bootId !== identity.bootId) return 'dead';
  if (identity.pidNamespace !== (await readPidNamespace())) return 'unknown';
  const stat = await readStat(identity.pid);
  return stat?.startTime === identity.startTime && !stat?.ended ? 'alive' : 'dead';
}

/** Without /proc: a process of the same number may be another one, so `alive` may be wrong, `dead` is right. */
function signalReaches(pid: number): 'alive' | 'dead' {
  try {
    process.kill(pid, 0);
    return 'alive';
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    return gone ? 'dead' : 'alive';
  }
}

async function readBootId(): Promise<string | undefined> {
  const text = await readFile(`${PROC}/sys/kernel/random/boot_id`, 'latin1').catch(() => undefined);
  return text?.trim();
}

async function readPidNamespace(): Promise<string | undefined> {
  return readlink(`${PROC}/self/ns/pid`).catch(() => undefined);
}

/** Fields of /proc/PID/stat (proc(5)): 3 is the state, 22 the start time; 2 is a name that may hold anything. */
async function readStat(pid: number): Promise<{ startTime: string; ended: boolean } | undefined> {
  const text = await readFile(`${PROC}/${pid}/stat`, 'latin1').catch(() => undefined);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const startTime = fields?.[22 - 3];
  if (!fields || startTime === undefined) return undefined;
  return { startTime, ended: fields[0] === 'Z' || fields[0] === 'X' };
}
