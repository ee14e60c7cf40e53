/**
 * Migrations of a real, busy guest, which is checked for harm afterwards. `lab.monitor` is a second
 * monitor for the test itself.
 */
import { readFile, rm, stat } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { expect } from 'vitest';
import { systemClock } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/logger.js';
import { openQmp, type QmpClient } from '../../../src/hypervisor/index.js';
import type { LabOptions } from '../../../src/lab/index.js';
import { checkFileSystem, bootGuest, type TestGuest } from './lab.js';
import { assertNothingLeft, leftovers } from './qemu-leftovers.js';
import { makeTestDirectory, MiB, run as runTool } from './qemu-process.js';
import { childProcesses, watchMigration, type Asked, type Watched } from './watched-migration.js';

export {
  allGates,
  childProcesses,
  eventsOf,
  eachGateAt,
  gateAt,
  type Asked,
  type Watched,
} from './watched-migration.js';

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

  /** Moves disk0, as {@link watchMigration} does. */
  migrate(asked: Asked = {}): Promise<Watched> {
    return watchMigration({ host: this.guest.qmp, ...asked }, this.folder);
  }

  /**
   * Checks that a run which did not switch over did no harm: the guest runs, with the disk that it
   * had; nothing called `migrascope-` is left in its QEMU; the image that the run made is gone; the
   * guest's files are what it wrote; its file system is clean.
   */
  async expectUnharmed(destination?: string): Promise<void> {
    await this.expectOnSource();
    await assertNothingLeft(this.monitor);
    expect(await this.#newNodes(), 'nodes of new images').toEqual([]);
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
    for (const name of await this.#newNodes())
      await this.monitor.execute('blockdev-del', { 'node-name': name });
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

  /** Names of the nodes of images that the guest was to be pivoted to. */
  async #newNodes(): Promise<string[]> {
    const nodes = await this.monitor.execute('query-named-block-nodes', { flat: true });
    return nodes.map((node) => node['node-name']!).filter((name) => /^disk0\./.test(name));
  }
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
