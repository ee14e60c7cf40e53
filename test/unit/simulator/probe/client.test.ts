/** The project's own client against the simulated probe: every method. */
import { describe, expect, it } from 'vitest';
import type { CachedRun } from '../../../../src/simulator/guest/types.js';
import { disk, ProbeLab, settle } from '../support/probe-lab.js';

function rejection(kind: string, message: RegExp): unknown {
  return expect.objectContaining({ kind, message: expect.stringMatching(message) as unknown });
}

const dirty: CachedRun = {
  offset: 16_384,
  length: 8192,
  state: 'dirty',
  class: 'data',
  inode: 12,
  fileOffset: 4096,
  ageMs: 250.9,
};

function labWithCache(): ProbeLab {
  const lab = new ProbeLab();
  lab.guest.runs = [
    { offset: 4096, length: 4096, state: 'clean', class: 'data', inode: 12, fileOffset: 0 },
    dirty,
    { offset: 65_536, length: 4096, state: 'dirty', class: 'metadata' },
    { offset: 1 << 20, length: 4096, state: 'writeback', class: 'journal', ageMs: 3 },
    { offset: 4 << 20, length: 4096, state: 'dirty', class: 'data', inode: 13, fileOffset: 0 },
  ];
  lab.guest.allFiles.set(12, { inode: 12, path: '/srv/a', size: 12_288, extents: [] });
  return lab;
}

describe("the project's client of a simulated probe", () => {
  it('is told of the guest', async () => {
    const lab = new ProbeLab({ kernel: '6.1.2', bootId: 'boot', method: 'cachestat' });
    const probe = await lab.connect();
    expect(probe.info).toEqual({
      protocol: '1.0',
      method: 'cachestat',
      methodReasons: [],
      kernel: '6.1.2',
      bootId: 'boot',
      dirtyExpireMs: 30_000,
      dirtyWritebackMs: 5_000,
      disks: [disk],
    });
    await probe.close();
  });

  it('gets a report on what is dirty', async () => {
    const lab = labWithCache();
    lab.guest.delayedBytes = 20_480;
    const probe = await lab.connect();
    const report = await probe.snapshot({ disk, clean: false });
    expect(report).toEqual({
      sequence: 1,
      method: 'kcore',
      startMs: 0,
      endMs: 0,
      restarts: 0,
      givenUp: 0,
      unmappedBytes: { 'delayed-allocation': 20_480 },
      journals: [lab.guest.journal],
      files: [
        { device: '254:0', inode: 12, generation: 1, links: 1, fileSystem: 'ext4', path: '/srv/a' },
        { device: '254:0', inode: 13, generation: 1, links: 0, fileSystem: 'ext4' },
      ],
      extents: [
        {
          offset: 16_384,
          length: 8192,
          state: 'dirty',
          class: 'data',
          file: 0,
          fileOffset: 4096,
          ageMs: 250,
        },
        { offset: 65_536, length: 4096, state: 'dirty', class: 'metadata' },
        { offset: 1 << 20, length: 4096, state: 'writeback', class: 'journal', ageMs: 3 },
        { offset: 4 << 20, length: 4096, state: 'dirty', class: 'data', file: 1, fileOffset: 0 },
      ],
    });
    await probe.close();
  });

  it('gets clean pages, too, and counts its reports', async () => {
    const lab = labWithCache();
    const probe = await lab.connect();
    await probe.snapshot({ disk, clean: false });
    const report = await probe.snapshot({ disk, clean: true });
    expect(report.sequence).toBe(2);
    expect(report.extents[0]).toEqual({
      offset: 4096,
      length: 4096,
      state: 'clean',
      class: 'data',
      file: 0,
      fileOffset: 0,
    });
    await probe.close();
  });

  it("sees the guest as it is at the clock's now", async () => {
    const lab = new ProbeLab();
    const probe = await lab.connect();
    await lab.clock.sleep(1234.5);
    expect(await probe.snapshot({ disk, clean: false })).toMatchObject({
      startMs: 1234,
      endMs: 1234,
    });
    await probe.close();
  });

  it('has extents written back, and waits as long as the disk takes', async () => {
    const lab = labWithCache();
    const probe = await lab.connect();
    const extents = Array.from({ length: 5000 }, (_, index) => ({
      offset: index * 8192,
      length: 4096,
    }));
    const result = await probe.drain({
      disk,
      extents: [...extents, { offset: 65_536, length: 99 }],
    });
    expect(result).toEqual({ writtenBytes: 12_288, tookMs: 12 });
    expect(lab.clock.now()).toBeCloseTo(12.288, 6);
    expect(lab.guest.drains).toEqual([extents]);
    expect(lab.guest.runs[1]!.state).toBe('clean');
    await probe.close();
  });

  it('has everything written back', async () => {
    const lab = labWithCache();
    const probe = await lab.connect();
    expect(await probe.drain({ disk })).toEqual({ writtenBytes: 20_480, tookMs: 20 });
    expect(lab.guest.drains).toEqual([undefined]);
    expect(lab.guest.dirtyBytes).toBe(0);
    await probe.close();
  });

  it('has nothing written back where no extent is named', async () => {
    const lab = labWithCache();
    const probe = await lab.connect();
    expect(await probe.drain({ disk, extents: [] })).toEqual({ writtenBytes: 0, tookMs: 0 });
    expect(lab.guest.drains).toEqual([]);
    await probe.close();
  });

  it('waits for a drain of minutes, with signs of life meanwhile', async () => {
    const lab = labWithCache();
    lab.guest.settings = { ...lab.guest.settings, diskBytesPerSecond: 100 };
    const probe = await lab.connect();
    expect(await probe.drain({ disk })).toMatchObject({ tookMs: 204_800 });
    await probe.close();
  });

  it('cancels a drain, and goes on', async () => {
    const lab = labWithCache();
    lab.guest.settings = { ...lab.guest.settings, diskBytesPerSecond: 100 };
    const probe = await lab.connect();
    const cancelled = new AbortController();
    const draining = probe.drain({ disk }, cancelled.signal);
    await settle();
    cancelled.abort();
    await expect(draining).rejects.toEqual(rejection('cancelled', /^Writing back was cancelled/));
    expect((await probe.snapshot({ disk, clean: false })).extents).toHaveLength(4);
    expect(lab.clock.now()).toBeLessThan(10_000);
    await probe.close();
  });

  it('has what no file uses discarded', async () => {
    const lab = new ProbeLab();
    lab.guest.trimmable = 8192;
    const probe = await lab.connect();
    expect(await probe.trim({ disk })).toEqual({ trimmedBytes: 8192 });
    expect(lab.guest.trimmable).toBe(0);
    await probe.close();
  });

  it('steers, and lets go when it is closed', async () => {
    const lab = new ProbeLab();
    const before = lab.guest.settings;
    const probe = await lab.connect();
    await probe.steer({ mode: 'hold', forMs: 60_000 });
    expect(lab.guest.settings).toEqual({
      ...before,
      dirtyExpireCentisecs: 60_000,
      dirtyRatio: 40,
      dirtyBackgroundRatio: 25,
    });
    await probe.close();
    await settle();
    expect(lab.guest.settings).toEqual(before);
  });

  it('hears of a disk that is not there', async () => {
    const probe = await new ProbeLab().connect();
    await expect(probe.trim({ disk: { size: 5 } })).rejects.toEqual(
      rejection('probe', /^Discarding failed in the guest's probe: No disk .*\(no-such-disk\)/),
    );
    await probe.close();
  });

  it('hears of a guest whose page cache can not be seen', async () => {
    await expect(new ProbeLab({ method: 'none' }).connect()).rejects.toEqual(
      rejection('probe', /^The guest's probe finds no way to see the page cache/),
    );
  });

  it('waits while the guest stands, and then gets its answer', async () => {
    const lab = labWithCache();
    const probe = await lab.connect();
    lab.pause();
    let isTold = false;
    const report = probe.snapshot({ disk, clean: false }).finally(() => (isTold = true));
    await lab.clock.sleep(3000);
    expect(isTold).toBe(false);
    lab.resume();
    expect((await report).startMs).toBe(0);
    await probe.close();
  });

  it('takes a probe for lost whose guest stands for too long', async () => {
    const lab = labWithCache();
    const probe = await lab.connect();
    lab.pause();
    await expect(probe.snapshot({ disk, clean: false })).rejects.toEqual(
      rejection('timeout', /^The guest's probe stopped answering/),
    );
  });

  it('goes through a pause in the middle of a drain', async () => {
    const lab = labWithCache();
    lab.guest.settings = { ...lab.guest.settings, diskBytesPerSecond: 20_480 };
    const probe = await lab.connect();
    const draining = probe.drain({ disk });
    await lab.clock.sleep(400);
    lab.pause();
    await lab.clock.sleep(3000);
    lab.resume();
    expect(await draining).toEqual({ writtenBytes: 20_480, tookMs: 1000 });
    expect(lab.clock.now()).toBeCloseTo(4000, 6);
    await probe.close();
  });
});
