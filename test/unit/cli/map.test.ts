import { describe, expect, it } from 'vitest';
import { ConnectionLostError, ProbeError } from '../../../src/base/errors.js';
import { runCommandLine } from '../../../src/cli/program.js';
import { DISK, FakeHost, REPORT, type FakeHostOptions } from './fake-host.js';
import { FakeWorld } from './fake-world.js';

async function map(options: FakeHostOptions, ...args: string[]) {
  const host = new FakeHost(options);
  const world = new FakeWorld(undefined, host.connections);
  const parts = { world, version: '1.2.3', commands: [] };
  const code = await runCommandLine(['map', 'unix:/vm.qmp', ...args], parts);
  return { code, out: world.stdout.text, err: world.stderr.text, log: host.log };
}

interface MapOutput {
  readonly type: string;
  readonly disks: readonly {
    readonly name: string;
    readonly allocatedBytes: number;
    readonly allocated: readonly number[];
    readonly cache: Readonly<Record<string, unknown>>;
  }[];
}

describe('map', () => {
  it('shows totals, files and the map', async () => {
    const { code, out, err } = await map({ report: REPORT });
    expect(code).toBe(0);
    expect(err).toBe('');
    expect(out).toMatchInlineSnapshot(`
      "disk0   64 MiB
      image         /srv/old.qcow2 (qcow2)
      allocated     16 MiB, 25 % of the disk
      probe         kcore, kernel 6.12.9-amd64, looked for 36 ms of guest time
      page cache    76 KiB dirty, 4 KiB in writeback
        data        72 KiB dirty, 4 KiB in writeback
        metadata    4 KiB dirty, 0 B in writeback
        no place    3 MiB dirty: delayed allocation

          dirty  writeback   system   file
         64 KiB      4 KiB   ext4     /var/large
          8 KiB        0 B   ext4     /var/small

      *░░░░░░░*░░░░░░░*░░░░░░░w░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
      ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░······························
      ···············································································
      ···············································································
      ···············································································
      ···············································································
      ······································
      * dirty 192 KiB         w writeback 64 KiB
      ░ other 15.8 MiB        · free 48 MiB
      each cell is 2 blocks, 128 KiB; a block is dirty when a page of it is
      "
    `);
  });

  it('opens nothing but a look, and lets go of all of it', async () => {
    const { log } = await map({ report: REPORT }, 'virtio0', '--clean');
    expect(log).toEqual([
      'snapshot of S1 with clean pages',
      'open disk0 for k3x9',
      'close connection',
      'release disk0',
      'close probe',
      'close host',
    ]);
  });

  it('shows clean pages when they were asked for', async () => {
    const { out } = await map({ report: REPORT }, '--clean');
    expect(out).toContain('128 KiB clean');
    expect(out).toContain('█ clean 128 KiB');
  });

  it('works without a probe, and says what that means', async () => {
    const { code, out } = await map({});
    expect(code).toBe(0);
    expect(out.replace(/\s+/g, ' ')).toContain(
      'not known. The guest has no port for a probe. This shows the allocation only.',
    );
    expect(out).toContain('░ allocated 16 MiB');
  });

  it('works with a probe that does not report', async () => {
    const { code, out } = await map({ report: new ProbeError('It hung.') });
    expect(code).toBe(0);
    expect(out.replace(/\s+/g, ' ')).toContain("The guest's probe did not report: It hung.");
  });

  it('counts every block when the hypervisor does not tell the allocation', async () => {
    const { out } = await map({ tellsAllocation: false });
    expect(out).toContain('not told by the hypervisor');
    expect(out).toContain('░ allocated 64 MiB');
  });

  it('prints one object with --json', async () => {
    const { out } = await map({ report: REPORT }, '--json');
    expect(out.trimEnd()).not.toContain('\n');
    const { type, disks } = JSON.parse(out) as MapOutput;
    expect(type).toBe('map');
    expect(disks).toHaveLength(1);
    expect(disks[0]).toMatchObject({
      name: 'disk0',
      allocatedBytes: 16 * 1024 * 1024,
      allocated: [0, 256],
      cache: {
        state: 'seen',
        dirtyBytes: 77_824,
        writebackBytes: 4096,
        unmappedBytes: { 'delayed allocation': 3_145_728 },
        dirty: [0, 1, 15, 1, 15, 1],
      },
    });
    const files = disks[0]?.cache['files'] as { name: string; dirty: number }[];
    expect(files.map(({ name, dirty }) => [name, dirty])).toEqual([
      ['/var/large', 65_536],
      ['/var/small', 8192],
      ['inode 13 on 254:1 (deleted, still open)', 0],
    ]);
  });

  it('shows every disk unless told which', async () => {
    const second = { ...DISK, name: 'disk1', aliases: [], readOnly: true };
    const { out, log } = await map({ disks: [DISK, second] });
    expect(out).toMatch(/^disk0 [^]*\n\ndisk1 +64 MiB, read-only$/m);
    expect(log.filter((entry) => entry.startsWith('release'))).toHaveLength(2);
  });

  it.each([
    [['nothing'], 'The guest has no disk called "nothing".'],
    [['--width', '10'], '--width: '],
    [['--granularity', '3k'], '--granularity: '],
  ])('refuses %j', async (args, start) => {
    const { code, err, out } = await map({ report: REPORT }, ...args);
    expect(code).toBe(2);
    expect(err.startsWith(`migrascope: ${start}`)).toBe(true);
    expect(out).toBe('');
  });

  it('refuses a guest without disks', async () => {
    const { code, err } = await map({ disks: [] });
    expect(code).toBe(2);
    expect(err).toContain('has no disk');
  });

  it('lets go of everything when reading fails', async () => {
    const statusFails = new ConnectionLostError('The connection was lost.');
    const { code, log, err } = await map({ report: REPORT, statusFails });
    expect(code).toBe(1);
    expect(err).toContain('migrascope: The connection was lost.');
    expect(log.slice(-4)).toEqual([
      'close connection',
      'release disk0',
      'close probe',
      'close host',
    ]);
  });
});
