/**
 * Brings the probe into a guest that has only qemu-guest-agent. The program deletes its own file
 * as soon as it runs, and ends when its port is unplugged: nothing is left behind.
 */
import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import { systemClock } from '../base/clock.js';
import {
  CancelledError,
  ConnectionLostError,
  messageOf,
  ProbeError,
  TimeoutError,
} from '../base/errors.js';
import type { ProbeAddress } from '../hypervisor/types.js';
import { dial, formatProbeAddress } from './connect.js';
import { defaultTimeouts } from './client.js';
import { GuestAgent, type GuestAgentOptions } from './guest-agent.js';

export interface UploadOptions extends GuestAgentOptions {
  /** The name of the probe's port, as the guest sees it. */
  readonly portName: string;
  /** Gives the program for a machine as `uname -m` names it; undefined where there is none. */
  readonly program: (machine: string) => Promise<Uint8Array | undefined>;
}

/** Where it may be put; some of them may be mounted without the right to execute. */
const folders = ['/run', '/tmp', '/var/tmp'];

const needed = [
  'guest-file-open',
  'guest-file-write',
  'guest-file-close',
  'guest-exec',
  'guest-exec-status',
];

/**
 * Uploads the probe through the guest agent and starts it; it then waits at its port.
 * @param target where the agent's port listens, or a connection to it; it is ended afterwards.
 * @throws ProbeError when the guest has no program, no right or no place for it.
 * @throws TimeoutError when no agent answers; ProtocolError, ConnectionLostError, CancelledError
 */
export async function uploadProbe(
  target: ProbeAddress | Duplex,
  options: UploadOptions,
): Promise<void> {
  const stream = target instanceof Duplex ? target : await connectTo(target, options);
  const agent = await GuestAgent.open(stream, options);
  try {
    await requireCommands(agent);
    const program = await chooseProgram(agent, options);
    const reasons: string[] = [];
    for (const folder of folders) {
      const reason = await start(agent, folder, program, options.portName);
      if (reason === undefined) return;
      reasons.push(`${folder}: ${reason}`);
    }
    throw new ProbeError(`The probe could not be started in the guest. ${reasons.join(' ')}`, {
      hint: 'The migration can go on without the probe.',
    });
  } finally {
    agent.close();
  }
}

function connectTo(address: ProbeAddress, options: UploadOptions): Promise<Duplex> {
  const clock = options.clock ?? systemClock;
  return dial(address, formatProbeAddress(address), defaultTimeouts.connectMs, options, clock);
}

async function requireCommands(agent: GuestAgent): Promise<void> {
  const commands = await agent.commands();
  const missing = needed.filter((name) => !commands.has(name));
  if (missing.length > 0)
    throw new ProbeError(`The guest agent does not allow ${missing.join(', ')}.`, {
      hint: 'Allow these commands in the configuration of qemu-guest-agent, or install the probe in the guest.',
    });
}

async function chooseProgram(agent: GuestAgent, options: UploadOptions): Promise<Uint8Array> {
  const machine = (await agent.run('uname', '-m')).output.trim();
  const program = await options.program(machine);
  if (program) return program;
  throw new ProbeError(`There is no probe for a guest of the architecture '${machine}'.`, {
    hint: 'Build it with: npm run build:guest',
  });
}

/** @returns why it did not work there; nothing when it did. */
async function start(
  agent: GuestAgent,
  folder: string,
  program: Uint8Array,
  portName: string,
): Promise<string | undefined> {
  const path = `${folder}/migrascope-probe-${randomBytes(8).toString('hex')}`;
  try {
    await agent.writeFile(path, program);
    const mode = await agent.run('chmod', '700', path);
    if (mode.code !== 0) throw new ProbeError('its mode could not be set.');
    const flags = ['--daemon', '--exit-with-port', '--remove-self', '--port', portName];
    const exit = await agent.run(path, ...flags);
    if (exit.code !== 0) throw new ProbeError(`it ended with code ${exit.code ?? 'of a signal'}.`);
    return undefined;
  } catch (error) {
    if (isOver(error)) throw error;
    await remove(agent, path);
    return messageOf(error);
  }
}

/** After these the agent can't be asked for anything more. */
function isOver(error: unknown): boolean {
  return (
    error instanceof TimeoutError ||
    error instanceof CancelledError ||
    error instanceof ConnectionLostError
  );
}

async function remove(agent: GuestAgent, path: string): Promise<void> {
  try {
    await agent.run('rm', '-f', path);
  } catch (error) {
    if (isOver(error)) throw error;
    throw new ProbeError(`${path} is left in the guest: ${messageOf(error)}`, {
      cause: error,
      hint: `Delete ${path} in the guest.`,
    });
  }
}
