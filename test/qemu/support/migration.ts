/**
 * Migrations of a real, busy guest: run with a hand on the gate and an eye on every event, and
 * afterwards checked for harm. `lab.monitor` is a second monitor for the test itself.
 */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { expect } from 'vitest';
import { systemClock } from '../../../src/base/clock.js';
import { silentLogger, type Logger } from '../../../src/base/logger.js';
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
  openQmp,
  resolveHost,
  type FileTools,
  type QmpClient,
} from '../../../src/hypervisor/index.js';
import type { LabOptions } from '../../../src/lab/index.js';
import { connectNbd } from '../../../src/nbd/index.js';
import { connectProbe } from '../../../src/probe/index.js';
import { checkFileSystem, bootGuest, type TestGuest } from './lab.js';
import { assertNothingLeft, leftovers } from './qemu-leftovers.js';
import { makeTestDirectory, MiB, run as runTool } from './qemu-process.js';

/** What a test asks of a migration; the rest is as {@link MigrationLab.migrate} says. */
export interface Asked extends Partial<MigrationOptions> {
  readonly gate?: Gate;
  readonly decide?: MigrationParts['decide'];
  readonly signal?: AbortSignal;
  /** Is told of each event as it happens. */
  readonly onEvent?: (event: MigrationEvent) => void;
  /** Address of the monitor, when it is not the guest's own. */
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

/** A guest that is moved. Boot one for a test file; migrate it as often as wanted. */
export class MigrationLab implements AsyncDisposable {
  #paths = 0;

  private constructor(
    readonly lab: TestGuest & AsyncDisposable,
    /** A second monitor of the guest. */
    readonly monitor: QmpClient,
    /** A folder for images and sockets; removed at the end. */
    readonly folder: string,
  ) {}

  static async boot(options: Partial<LabOptions> = {}): Promise<MigrationLab> {
    const lab = await bootGuest({ size: 128 * MiB, memory: 256 * MiB, ...options });
    const socket = createConnection(lab.guest.monitor.replace('unix:', ''));
    const folder = await makeTestDirectory();
    const quiet = { clock: systemClock, logger: silentLogger };
    const monitor = await openQmp(socket, { name: 'the second monitor', ...quiet });
    return new MigrationLab(lab, monitor, folder);
  }

  get guest(): TestGuest['guest'] {
    return this.lab.guest;
  }

  /** A path in the lab's folder at which there is nothing. */
  newPath(name = 'image'): string {
    return join(this.folder, `${name}-${this.#paths++}`);
  }

  /**
   * Moves disk0; unless told otherwise to a new raw image, with pivot, by policy `plain`, at
   * 24 MiB a second. Checks that no child process and no file of the run is left on this machine.
   */
  async migrate(asked: Asked = {}): Promise<Watched> {
    const { gate, decide, signal, onEvent, host, connectProbe: probe, tools, ...options } = asked;
    const temporary = this.newPath('tmp');
    await mkdir(temporary);
    const children = new Set(await childProcesses());
    const outside = process.env['TMPDIR'];
    const events: MigrationEvent[] = [];
    const logged: string[] = [];
    process.env['TMPDIR'] = temporary;
    try {
      const result = await migrate(this.#options(options), {
        ...(await this.#connections(host, logged, tools)),
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
    }
  }

  /**
   * Checks that a run which did not switch over did no harm: the guest runs, with the disk that it
   * had; nothing called `migrascope-` is left in its QEMU; the image that the run made is gone; the
   * guest's files are what it wrote; its file system is clean.
   */
  async expectUnharmed(destination?: string): Promise<void> {
    await this.expectOnSource();
    await assertNothingLeft(this.monitor);
    if (destination !== undefined) expect(await exists(destination)).toBe(false);
    expect(await this.lab.verify()).toBeGreaterThan(0);
    await this.expectCleanFileSystem();
  }

  /** The cheap part of {@link expectUnharmed}: where the guest is, and that it runs. */
  async expectOnSource(node = 'disk0'): Promise<void> {
    expect(await this.monitor.execute('query-status', {})).toMatchObject({ status: 'running' });
    expect(await this.diskNode()).toBe(node);
  }

  /** Fails when a run left anything in QEMU, its NBD server aside. */
  async expectNoNames(): Promise<void> {
    expect(await leftovers(this.monitor)).toEqual([]);
  }

  /** Name of the block node that the guest's disk has now. */
  async diskNode(): Promise<string | undefined> {
    const blocks = await this.monitor.execute('query-block', {});
    return blocks.find(({ qdev }) => qdev?.includes('/vda/'))?.inserted?.['node-name'];
  }

  /** Has the guest write back at once what it dirties, so that there is something to send in every round. */
  async writeBackQuickly(): Promise<void> {
    await this.lab.run(
      'cd /proc/sys/vm; echo 20 >dirty_expire_centisecs; echo 10 >dirty_writeback_centisecs',
    );
  }

  /** Has the guest write to its disk now, so that there is something to send. */
  async writeNow(): Promise<void> {
    await this.lab.run('dd if=/dev/urandom of=/mnt/written bs=64k count=8 conv=fsync 2>/dev/null');
  }

  /** Has the guest run a command of which no answer comes, such as one that ends it. */
  order(command: string): void {
    this.lab.run(command).catch(() => undefined);
  }

  /** Resets the guest, as its reset button would. */
  async reset(): Promise<void> {
    const line = { 'command-line': 'system_reset' };
    await this.monitor.execute('human-monitor-command', line);
  }

  /** Resolves once the guest's QEMU has ended. */
  async ended(): Promise<void> {
    await new Promise<void>((resolve) => this.monitor.onLost(() => resolve()));
  }

  /** The id of the one child process that runs `command`. */
  async childCalled(command: string): Promise<number> {
    const found: number[] = [];
    for (const pid of await childProcesses()) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (line.split('\0')[0] === command) found.push(pid);
    }
    expect(found, `processes called ${command}`).toHaveLength(1);
    return found[0]!;
  }

  /** Takes an export away, whoever uses it, and waits until its node is free. */
  async removeExport(id: string): Promise<void> {
    const gone = this.monitor.expect('BLOCK_EXPORT_DELETED', (data) => data.id === id);
    await this.monitor.execute('block-export-del', { id, mode: 'hard' });
    await gone.data;
  }

  /** Removes what a run had to leave, as a person would. */
  async removeLeftovers(): Promise<void> {
    await this.monitor.execute('nbd-server-stop', {});
    for (const node of await this.monitor.execute('query-named-block-nodes', { flat: true })) {
      const name = node['node-name']!;
      for (const bitmap of node['dirty-bitmaps'] ?? []) {
        if (bitmap.name?.startsWith('migrascope-'))
          await this.monitor.execute('block-dirty-bitmap-remove', {
            node: name,
            name: bitmap.name,
          });
      }
    }
    for (const node of await this.monitor.execute('query-named-block-nodes', { flat: true })) {
      if (/^disk0\.t/.test(node['node-name']!))
        await this.monitor.execute('blockdev-del', { 'node-name': node['node-name']! });
    }
  }

  /** Freezes the guest's file system for as long as its image is copied, and checks the copy. */
  async expectCleanFileSystem(image = this.guest.disks[0]!.image): Promise<void> {
    const copy = this.newPath('frozen');
    await this.lab.run('fsfreeze --freeze /mnt');
    try {
      await copySparse(image, copy);
    } finally {
      await this.lab.run('fsfreeze --unfreeze /mnt');
    }
    try {
      await checkFileSystem(copy, this.guest.disks[0]!.fileSystem);
    } finally {
      await rm(copy);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.monitor.close();
    await this.lab[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }

  #options(asked: Partial<MigrationOptions>): MigrationOptions {
    return {
      disk: 'disk0',
      destination: { type: 'file', path: this.newPath(), format: 'raw', overwrite: false },
      ...DEFAULTS,
      policy: 'plain',
      maxBandwidth: 24 * MiB,
      pivot: true,
      trim: false,
      ...asked,
    };
  }

  async #connections(host: string | undefined, logged: string[], tools: FileTools | undefined) {
    const clock = systemClock;
    const logger: Logger = {
      log(level, message) {
        if (level === 'warn' || level === 'error') logged.push(message);
      },
    };
    const resolved = await resolveHost(host ?? this.guest.qmp);
    const run = runId();
    const quiet = { clock, logger };
    const parts: Omit<MigrationParts, 'gate' | 'sink' | 'signal'> = {
      connectHypervisor: (signal) => connectQemu(resolved, { ...quiet, signal }),
      connectNbd: (uri, options) => connectNbd(uri, { ...quiet, ...options }),
      connectProbe: (address, signal) => connectProbe(address, { ...quiet, signal }),
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

/** Copies an image, holes as holes. */
export async function copySparse(from: string, to: string): Promise<void> {
  await runTool('cp', ['--sparse=always', '--reflink=auto', from, to]);
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
