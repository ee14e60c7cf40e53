/** A guest that goes through cells of the kill matrix, one after the other: each run shows that the last one left it fit. */
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { CommandPlace } from './command-run.js';
import { MigrationLab } from './migration.js';
import { assertNothingLeft } from './qemu-leftovers.js';
import { makeTestDirectory, MiB } from './qemu-process.js';
import { QmpRelay } from './qmp-relay.js';
import { startQemuNbd, type NbdServer } from './servers.js';

/** Of the guest's disk, in bytes. */
const SIZE = 128 * MiB;

export class KillLab implements AsyncDisposable {
  #image: string;
  #node = 'disk0';

  private constructor(
    readonly lab: MigrationLab,
    /** A third monitor of the guest, which the guardian may have. */
    private readonly third: string,
    private readonly sockets: string,
  ) {
    this.#image = lab.guest.disks[0]!.image;
  }

  static async boot(): Promise<KillLab> {
    const sockets = await makeTestDirectory();
    const third = `unix:${join(sockets, 'third')}`;
    const extra = ['-qmp', `${third},server=on,wait=off`];
    const lab = await MigrationLab.boot({ size: SIZE, workload: 'zipf-rewrite', rate: 40, extra });
    return new KillLab(lab, third, sockets);
  }

  /** Between an engine and the guest's QEMU. */
  relay(): Promise<QmpRelay> {
    return QmpRelay.listen(this.lab.newPath('qmp'), this.lab.guest.qmp);
  }

  /** How the command finds the guest, as `web`: with the guardian's own monitor, or without. */
  async place(
    address: string,
    two: boolean,
    more: { readonly state?: string; readonly program?: string } = {},
  ): Promise<CommandPlace> {
    const folder = this.lab.newPath('cell');
    await mkdir(folder);
    const host = { address, ...(two ? { guardian: this.third } : {}) };
    return CommandPlace.make({ folder, state: join(this.lab.folder, 'state'), host, ...more });
  }

  /** The arguments of `migrate` for the guest's disk. */
  arguments(to: string, ...more: readonly string[]): string[] {
    const fixed = ['--policy', 'cache', '--downtime-limit', '2s'];
    return ['web', this.#node, '--to', to, ...fixed, ...more];
  }

  /** An NBD server with an empty image at `path`. */
  async serve(path: string): Promise<NbdServer> {
    const file = await open(path, 'w');
    await file.truncate(SIZE);
    await file.close();
    return startQemuNbd(path, this.lab.newPath('nbd'));
  }

  /** A run that nobody strikes. */
  async complete(): Promise<void> {
    const place = await this.place(this.lab.guest.qmp, true);
    const image = this.lab.newPath('image');
    const args = this.arguments(`file:${image}`, '--pivot', '--json');
    const ended = await place.execute('migrate', ...args);
    expect(ended.code, ended.stderr).toBe(0);
    expect(await place.remains()).toEqual([]);
    expect(await this.followDisk(image)).toBe('new');
    await this.expectFit();
  }

  /** Which disk the guest has after a run to `image`; of the one that it had, nothing stays. */
  async followDisk(image: string): Promise<'source' | 'new'> {
    const node = (await this.lab.diskNode())!;
    if (node === this.#node) return 'source';
    await this.lab.monitor.execute('blockdev-del', { 'node-name': this.#node });
    await rm(this.#image);
    this.#node = node;
    this.#image = image;
    return 'new';
  }

  /** The guest's disk as the last run that was looked at left it. */
  get node(): string {
    return this.#node;
  }

  get image(): string {
    return this.#image;
  }

  async isRunning(): Promise<boolean> {
    return (await this.lab.monitor.execute('query-status', {})).running;
  }

  async untilRunning(): Promise<void> {
    while (!(await this.isRunning())) await delay(20);
  }

  /** A probe that was killed is started again by the guest. */
  async untilProbed(): Promise<void> {
    await this.lab.lab.run('until pidof migrascope-probe >/dev/null; do sleep 0.1; done');
  }

  /** That the guest runs, its files are what it wrote, on a clean file system, and nothing of a run is in its QEMU. */
  async expectFit(): Promise<void> {
    const { lab } = this;
    await lab.expectOnSource(this.#node);
    await assertNothingLeft(lab.monitor);
    const nodes = await lab.monitor.execute('query-named-block-nodes', { flat: true });
    const names = nodes.map((node) => node['node-name']!).filter((name) => /^disk0/.test(name));
    expect(names, 'nodes of disks').toEqual([this.#node]);
    expect(await lab.lab.verify()).toBeGreaterThan(0);
    await lab.expectCleanFileSystem(this.#image);
  }

  /** After a cell that failed: ends what it left, so that the next one can be judged by itself. */
  async rescue(place: CommandPlace, image: string): Promise<void> {
    await place.killAll();
    if (!(await this.isRunning())) await this.lab.monitor.execute('cont', {});
    await this.lab.lab.run('kill -CONT $(pidof migrascope-probe) || true');
    await place.execute('recover', 'web', '--yes');
    await this.followDisk(image);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
    await rm(this.sockets, { recursive: true, force: true });
  }
}
