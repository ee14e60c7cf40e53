/**
 * A migration as the command would run it, on any QEMU: with a hand on the gate and an eye on every
 * event, and with a look afterwards at what it left on this machine.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { readBuiltProbe } from '../../../src/base/built-files.js';
import { systemClock } from '../../../src/base/clock.js';
import type { Logger } from '../../../src/base/logger.js';
import {
  DEFAULTS,
  migrate,
  openGate,
  type Gate,
  type GatePoint,
  type MigrationEvent,
  type MigrationOptions,
  type MigrationParts,
  type MigrationResult,
} from '../../../src/engine/index.js';
import {
  connectQemu,
  openFileDestination,
  openNbdDestination,
  probePortName,
  resolveHost,
  type FileTools,
} from '../../../src/hypervisor/index.js';
import { connectNbd } from '../../../src/nbd/index.js';
import { connectProbe, uploadProbe } from '../../../src/probe/index.js';
import { MiB } from './qemu-process.js';

/** What a test asks of a migration; the rest is as {@link watchMigration} says. */
export interface Asked extends Partial<MigrationOptions> {
  readonly gate?: Gate;
  readonly decide?: MigrationParts['decide'];
  readonly signal?: AbortSignal;
  /** Is told of each event as it happens. */
  readonly onEvent?: (event: MigrationEvent) => void;
  /** Address of the monitor; the guest's own unless told. */
  readonly host?: string;
  /** How the probe is reached, when not as the hypervisor says. */
  readonly connectProbe?: MigrationParts['connectProbe'];
  /** What serves a `file` destination without pivot. */
  readonly tools?: FileTools;
}

/** A migration that has ended, with all that was said meanwhile. */
export interface Watched extends MigrationResult {
  readonly events: readonly MigrationEvent[];
  /** Warnings and errors of the layers below the engine. */
  readonly logged: readonly string[];
}

/**
 * Moves disk0; unless told otherwise to a new raw image in `folder`, with pivot, by policy `plain`,
 * at 24 MiB a second. Checks that no child process and no temporary file is left on this machine.
 */
export async function watchMigration(
  asked: Asked & { readonly host: string },
  folder: string,
): Promise<Watched> {
  const { gate, decide, signal, onEvent, host, connectProbe: probe, tools, ...options } = asked;
  const temporary = await mkdtemp(join(folder, 'tmp-'));
  const children = new Set(await childProcesses());
  const outside = process.env['TMPDIR'];
  const events: MigrationEvent[] = [];
  const logged: string[] = [];
  process.env['TMPDIR'] = temporary;
  try {
    const result = await migrate(withDefaults(options, folder), {
      ...(await connections(host, logged, tools)),
      ...(probe ? { connectProbe: probe } : {}),
      gate: gate ?? openGate,
      ...(decide ? { decide } : {}),
      signal: signal ?? new AbortController().signal,
      sink: (event) => {
        events.push(event);
        onEvent?.(event);
      },
    });
    const left = (await childProcesses()).filter((pid) => !children.has(pid));
    expect(left, 'child processes that are left').toEqual([]);
    expect(await readdir(temporary), 'temporary files that are left').toEqual([]);
    return { ...result, events, logged };
  } finally {
    if (outside === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = outside;
    await rm(temporary, { recursive: true, force: true });
  }
}

function withDefaults(asked: Partial<MigrationOptions>, folder: string): MigrationOptions {
  const path = join(folder, `image-of-${runId()}`);
  return {
    disk: 'disk0',
    destination: { type: 'file', path, format: 'raw', overwrite: false },
    ...DEFAULTS,
    policy: 'plain',
    maxBandwidth: 24 * MiB,
    pivot: true,
    trim: false,
    ...asked,
  };
}

async function connections(host: string, logged: string[], tools: FileTools | undefined) {
  const clock = systemClock;
  const logger: Logger = {
    log(level, message) {
      if (level === 'warn' || level === 'error') logged.push(message);
    },
  };
  const resolved = await resolveHost(host);
  const run = runId();
  const quiet = { clock, logger };
  const parts: Omit<MigrationParts, 'gate' | 'sink' | 'signal'> = {
    connectHypervisor: (signal) => connectQemu(resolved, { ...quiet, signal }),
    connectNbd: (uri, options) => connectNbd(uri, { ...quiet, ...options }),
    connectProbe: (address, signal) => connectProbe(address, { ...quiet, signal }),
    uploadProbe: (agent, signal) =>
      uploadProbe(agent, { portName: probePortName, program: readBuiltProbe, clock, signal }),
    openDestination: (request, { size }, signal) => {
      if (request.type === 'nbd')
        return openNbdDestination(request.uri, { size, ...quiet, signal });
      const { path, format, overwrite } = request;
      const options = { run, size, format, overwrite, ...quiet, signal };
      return openFileDestination(path, { ...options, ...(tools ? { tools } : {}) });
    },
    clock,
    logger,
    run,
    startedAt: new Date(),
  };
  return parts;
}

let runs = 0;

function runId(): string {
  return `t${(runs++).toString(36)}${(process.pid % 46_656).toString(36)}`;
}

/** A gate that does something, once, before a statement: the first time that `where` is true. */
export function gateAt(
  where: number | ((point: GatePoint) => boolean),
  act: (point: GatePoint) => unknown,
): Gate {
  let done = false;
  return {
    async pass(point) {
      if (done || !(typeof where === 'number' ? point.line === where : where(point))) return;
      done = true;
      await act(point);
    },
  };
}

/**
 * A gate that does something each time before a statement. Line 15 may be reached more than once:
 * what was written there goes back to line 12 when the engine judges that it does not fit.
 */
export function eachGateAt(line: number, act: (point: GatePoint) => unknown): Gate {
  return {
    async pass(point) {
      if (point.line === line) await act(point);
    },
  };
}

/** Passes several gates, one after the other. */
export function allGates(...gates: readonly Gate[]): Gate {
  return {
    async pass(...point) {
      for (const gate of gates) await gate.pass(...point);
    },
  };
}

/** The events of one type, in order. */
export function eventsOf<T extends MigrationEvent['type']>(
  { events }: Pick<Watched, 'events'>,
  type: T,
): Extract<MigrationEvent, { type: T }>[] {
  return events.filter(
    (event): event is Extract<MigrationEvent, { type: T }> => event.type === type,
  );
}

/** The ids of this process's children that have not ended. */
export async function childProcesses(): Promise<number[]> {
  const tasks = await readdir('/proc/self/task');
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/self/task/${task}/children`, 'utf8').catch(() => '')),
  );
  return lists.flatMap((list) => list.split(' ').filter((pid) => pid !== '')).map(Number);
}
