/** A guest's disk that is watched: a simulated guest, its monitor and its probe, on sockets of this machine. */
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/logger.js';
import { connectQemu, resolveHost } from '../../../src/hypervisor/index.js';
import { openWatch } from '../../../src/service/view/watch-source.js';
import { testFolder } from '../runs/support.js';
import { holdMonitor, impatient, simulatedHost, SIZE } from './simulated.js';
import { Drawn, GRANULARITY } from './support.js';

const { signal } = new AbortController();
let folder = '';

beforeEach(async () => {
  folder = await testFolder();
});

async function watch(host: string, more: object = {}) {
  const drawn = new Drawn();
  const parts = { clock: systemClock, logger: silentLogger, note: drawn.note };
  const request = { type: 'watch' as const, host, disk: 'disk0', granularity: GRANULARITY };
  const asked = { ...request, intervalMs: 100, ...more };
  const source = await openWatch(asked, parts, signal, impatient);
  onTestFinished(() => source.close());
  return { drawn, source };
}

const until = (check: () => void) => vi.waitFor(check, 30_000);

describe('a watched disk', () => {
  it('is told of with what is allocated and cached, again and again, and nothing stays there', async () => {
    const { address } = await simulatedHost(folder);
    const { drawn, source } = await watch(address);
    await until(() => expect(drawn.moment?.cache).toBeDefined());
    expect(drawn.order[0]).toBe('header');
    expect(drawn.header).toMatchObject({ kind: 'watch', disk: { name: 'disk0', size: SIZE } });
    expect(drawn.header?.run).toBeUndefined();
    expect(drawn.moment?.probe?.state).toBe('connected');
    expect(drawn.moment?.pendingBytes).toBe(0);
    const { t } = drawn.moment!.cache!;
    await until(() => expect(drawn.moment!.cache!.t).toBeGreaterThan(t));
    expect(drawn.troubles).toEqual([]);
    await source.close();
    const hypervisor = await connectQemu(await resolveHost(address), {
      ...{ clock: systemClock, logger: silentLogger },
    });
    expect(await hypervisor.leftovers([])).toEqual([]);
    await hypervisor.close();
  });

  it('of a guest without a probe is told of by its allocation alone, and why', async () => {
    const { address } = await simulatedHost(folder, { probe: false });
    const { drawn } = await watch(address);
    await until(() => expect(drawn.moment?.probe).toBeDefined());
    expect(drawn.moment?.probe).toEqual({
      state: 'absent',
      message: 'The guest has no port for a probe.',
    });
    expect(drawn.moment?.cache).toBeUndefined();
    expect(drawn.moment!.legend.disk[1]).toBeGreaterThan(0);
    expect(drawn.troubles).toEqual([]);
  });

  it('whose monitor somebody has at first is tried again, which is told once and in passing', async () => {
    const { address } = await simulatedHost(folder);
    const letGo = await holdMonitor(address);
    const { drawn } = await watch(address);
    expect(drawn.header).toBeUndefined();
    expect(drawn.troubles).toMatchObject([{ passing: true, error: { kind: 'monitor-busy' } }]);
    expect(drawn.troubles[0]!.error.message).toMatch(/^unix:.*qmp did not greet within/);
    letGo();
    await until(() => expect(drawn.moment?.cache).toBeDefined());
    expect(drawn.order.slice(0, 2)).toEqual(['trouble', 'header']);
    expect(drawn.troubles).toHaveLength(1);
  });

  it('whose monitor somebody takes meanwhile is looked at again later, and shown till then', async () => {
    const { address } = await simulatedHost(folder);
    const { drawn } = await watch(address);
    const letGo = await holdMonitor(address);
    await until(() => expect(drawn.troubles).toHaveLength(1));
    expect(drawn.troubles[0]).toMatchObject({ passing: true, error: { kind: 'monitor-busy' } });
    letGo();
    const { length } = drawn.order;
    await until(() => expect(drawn.order.slice(length)).toContain('moment'));
    expect(drawn.timeline?.alive).toBe(true);
  });

  it('whose host ends is told as a trouble that may pass', async () => {
    const { host, address } = await simulatedHost(folder);
    const { drawn } = await watch(address);
    await host.close();
    await until(() => expect(drawn.troubles.at(-1)?.error.kind).toBe('connect'));
    expect(drawn.troubles.at(-1)?.passing).toBe(true);
    expect(drawn.timeline?.alive).toBe(true);
  });

  it('can be let go of while its monitor is busy', async () => {
    const { address } = await simulatedHost(folder);
    onTestFinished(await holdMonitor(address));
    const { source, drawn } = await watch(address);
    await source.close();
    await source.close();
    expect(drawn.troubles).toHaveLength(1);
  });

  it('can be told nothing', async () => {
    const { address } = await simulatedHost(folder);
    const { source } = await watch(address);
    await expect(source.tell({ command: 'run' })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^The disk disk0 can't be told anything/) as string,
    });
  });
});

describe('a disk is not watched', () => {
  const refused = async (asked: Promise<unknown>, kind: string, start: RegExp) => {
    await expect(asked).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(start) as string,
    });
  };

  it.each([0, 99, NaN])('every %d ms', async (intervalMs) => {
    await refused(
      watch('unix:/none', { intervalMs }),
      'usage',
      /^A disk can't be looked at every .* ms\./,
    );
  });

  it('in blocks that can not be', async () => {
    const asked = watch('unix:/none', { granularity: 7 });
    await refused(asked, 'usage', /^A granularity of 7 bytes cannot be/);
  });

  it('of a host that is called nothing known', async () => {
    vi.stubEnv('XDG_CONFIG_HOME', folder);
    vi.stubEnv('XDG_STATE_HOME', folder);
    vi.stubEnv('XDG_RUNTIME_DIR', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    await refused(watch('nobody'), 'usage', /^No host is called "nobody"/);
  });

  it('of a host that is not there', async () => {
    await refused(watch(`unix:${join(folder, 'none')}`), 'connect', /^Connecting to unix:/);
  });

  it('that the guest does not have', async () => {
    const { address } = await simulatedHost(folder);
    await refused(watch(address, { disk: 'other' }), 'usage', /other/);
  });
});
