/** The service's requests about runs: journals of processes that are no more, and engines in this process. */
import { access } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/logger.js';
import { createRunFolder, FileJournal, runsRoot } from '../../../src/engine/runs/index.js';
import { openQmp } from '../../../src/hypervisor/index.js';
import { runHandlers } from '../../../src/service/runs.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';
import { facts, journalOptions } from '../runs/support.js';
import { ownFolders } from './folders.js';
import { deadProcess, optionsFor, servedRun, simulatedHost, SIZE } from './simulated.js';

const parts = { clock: new SimulatedClock(), logger: silentLogger };
const { signal } = new AbortController();
let folder = '';

beforeEach(async () => {
  folder = await ownFolders();
});

const failure = (kind: string, start: RegExp) => ({
  kind,
  message: expect.stringMatching(start) as string,
});

const runs = runHandlers(parts);

describe('runs', () => {
  /** A run of a process that is no more, ended or not. */
  async function made(run: string, ended: boolean): Promise<void> {
    const place = await createRunFolder(runsRoot(), run);
    const journal = await FileJournal.create(place.journal, { ...facts, run }, journalOptions());
    if (ended)
      await journal.note({
        type: 'end',
        outcome: 'completed',
        switchedOver: false,
        guest: 'running',
        leftBehind: [],
      });
    await journal.close();
  }

  it('are none where nothing was ever begun', async () => {
    expect(await runs['run.list']({ most: 20 }, signal)).toEqual([]);
  });

  it('are listed with what they were asked for and what became of them, at most so many', async () => {
    await made('first', true);
    await made('second', true);
    const list = await runs['run.list']({ most: 20 }, signal);
    expect(list.map(({ run }) => run).sort()).toEqual(['first', 'second']);
    expect(list[0]).toMatchObject({
      state: 'ended',
      outcome: 'completed',
      host: 'unix:/vm.qmp',
      disk: 'disk0',
      policy: facts.options.policy,
    });
    expect(await runs['run.list']({ most: 1 }, signal)).toHaveLength(1);
  });

  it('show no password of a destination', async () => {
    await made('secret', true);
    const [info] = await runs['run.list']({ most: 1 }, signal);
    expect(info?.destination).toMatch(/^nbd:/);
    expect(JSON.stringify(info)).not.toContain('hunter2');
  });

  it('that ended are forgotten', async () => {
    await made('old', true);
    await runs['run.forget']({ run: 'old' }, signal);
    expect(await runs['run.list']({ most: 20 }, signal)).toEqual([]);
  });

  it('that ended can not be told anything, nor gone on with', async () => {
    await made('old', true);
    const command = { command: 'pause' } as const;
    await expect(runs['run.tell']({ run: 'old', command }, signal)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^The run old can't be attached to: it is ended/) as string,
    });
    await expect(runs['run.resume']({ run: 'old', held: false }, signal)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^The run old can't be resumed: it is ended/) as string,
    });
  });

  it.each(['run.forget', 'run.findings', 'run.recover'] as const)(
    'that are not there are refused by %s',
    async (method) => {
      await expect(runs[method]({ run: 'none' }, signal)).rejects.toMatchObject({ kind: 'usage' });
    },
  );

  it('that are not there are refused when they are told something, or gone on with', async () => {
    const nothing = failure('usage', /^There is no run "none"/);
    const command = { command: 'pause' } as const;
    await expect(runs['run.tell']({ run: 'none', command }, signal)).rejects.toMatchObject(nothing);
    await expect(runs['run.resume']({ run: 'none', held: false }, signal)).rejects.toMatchObject(
      nothing,
    );
  });

  it('are not started where that is cancelled, and leave nothing', async () => {
    const host = `unix:${folder}/none`;
    const trace = join(folder, 'new.mscope');
    const asked = { host, options: facts.options, held: true, guardian: false, trace };
    await expect(runs['run.start'](asked, AbortSignal.abort())).rejects.toMatchObject(
      failure('cancelled', /^Starting the engine process/),
    );
    await expect(access(trace)).rejects.toThrow(/ENOENT/);
  });

  it('that ended have nothing to clear away, which is said', async () => {
    await made('done', true);
    for (const method of ['run.findings', 'run.recover'] as const)
      await expect(runs[method]({ run: 'done' }, signal)).rejects.toMatchObject({
        kind: 'hypervisor',
      });
  });
});

describe('a run that goes on', () => {
  it('is listed as one, and takes what it is told', async () => {
    const guest = await simulatedHost(folder);
    const { run, over } = await servedRun(guest);
    expect(await runs['run.list']({ most: 20 }, signal)).toMatchObject([
      { run, state: 'running', host: guest.address, disk: 'disk0' },
    ]);
    await runs['run.tell']({ run, command: { command: 'run' } }, signal);
    await over;
    expect(await runs['run.list']({ most: 20 }, signal)).toMatchObject([
      { run, state: 'ended', outcome: 'completed' },
    ]);
  });

  it('refuses what can not be told to it, and goes on', async () => {
    const { run } = await servedRun(await simulatedHost(folder));
    const command = { command: 'limits', limits: { downtimeLimitMs: -1 } } as const;
    await expect(runs['run.tell']({ run, command }, signal)).rejects.toMatchObject({
      ...failure('protocol', /^The engine process refuses/),
    });
    expect(await runs['run.list']({ most: 20 }, signal)).toMatchObject([{ state: 'running' }]);
  });

  it.each(['run.forget', 'run.findings', 'run.recover', 'run.resume'] as const)(
    'is left alone by %s',
    async (method) => {
      const { run } = await servedRun(await simulatedHost(folder));
      const asked =
        method === 'run.resume'
          ? runs[method]({ run, held: true }, signal)
          : runs[method]({ run }, signal);
      await expect(asked).rejects.toMatchObject({
        kind: expect.stringMatching(/^(usage|hypervisor)$/) as string,
        message: expect.stringContaining(`The run ${run}`) as string,
      });
      expect(await runs['run.list']({ most: 20 }, signal)).toMatchObject([{ state: 'running' }]);
    },
  );
});

/** A run that died while it tracked what the guest writes. */
async function diedTracking(run: string): Promise<void> {
  const { host, address } = await simulatedHost(folder);
  const stream = connect(address.slice('unix:'.length));
  const qmp = await openQmp(stream, {
    ...{ name: 'the monitor', clock: systemClock, logger: silentLogger },
  });
  const bitmap = { node: 'disk0', name: `migrascope-${run}-dirty-0`, granularity: 65_536 };
  await qmp.execute('block-dirty-bitmap-add', bitmap);
  qmp.close();
  const place = await createRunFolder(runsRoot(), run);
  const process = await deadProcess();
  const begun = { ...facts, run, host: address, options: optionsFor(host), process };
  const journal = await FileJournal.create(place.journal, begun, journalOptions());
  const where = { hypervisor: address, disk: 'disk0', image: '/simulated/disk0.raw' };
  await journal.note({ type: 'source', ...where, format: 'raw', size: SIZE });
  await journal.close();
}

describe('a dead run', () => {
  it('is told of with what it left in the host, which is removed on request', async () => {
    const run = 'gone';
    await diedTracking(run);
    expect(await runs['run.list']({ most: 1 }, signal)).toMatchObject([{ run, state: 'dead' }]);
    const found = await runs['run.findings']({ run }, signal);
    expect(found.run).toBe(run);
    expect(found.findings.length).toBeGreaterThan(0);
    expect(found.steps.join('\n')).toMatch(/remove .*migrascope-gone/);
    const done = await runs['run.recover']({ run }, signal);
    expect(done.filter((line) => !line.startsWith('done: '))).toEqual([]);
    expect(await runs['run.list']({ most: 1 }, signal)).toMatchObject([{ run, state: 'ended' }]);
  });

  it('without events can not be gone on with, and can be told nothing', async () => {
    await diedTracking('gone');
    await expect(runs['run.resume']({ run: 'gone', held: true }, signal)).rejects.toMatchObject(
      failure('hypervisor', /^The run gone can't be /),
    );
    const command = { command: 'run' } as const;
    await expect(runs['run.tell']({ run: 'gone', command }, signal)).rejects.toMatchObject(
      failure('usage', /^The run gone can't be attached to: it is dead/),
    );
  });
});
