/** The wall clock is set back by an hour while the real command moves a busy guest's disk: nothing is measured by it. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LEASE_MS } from '../../src/engine/index.js';
import { CommandRun, signal } from './support/command-run.js';
import { KillLab } from './support/kill-lab.js';
import { lookAfter } from './support/kill-look.js';
import { shiftProduct } from './support/shifted-product.js';

let lab: KillLab;
let products = 0;

beforeAll(async () => {
  lab = await KillLab.boot();
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Brings a run to before a statement, and sets the clock back there. */
async function setBackAt(line: number, act: (run: CommandRun) => Promise<void>) {
  const product = await shiftProduct(`${lab.lab.folder}/product-${products++}`);
  const { program } = product;
  const place = await lab.place(lab.lab.guest.qmp, true, { program });
  const image = lab.lab.newPath('image');
  const run = await CommandRun.begin(place, ...lab.arguments(`file:${image}`, '--pivot'));
  try {
    await run.stepTo(line);
    await product.setBack();
    await act(run);
    const at = Date.now();
    const result = await lookAfter(
      { fault: 'clock', point: `before-${line}` },
      { lab, run, image, at },
    );
    const runs = await place.execute('runs', '--json');
    const [told] = runs.stdout.split('\n').filter((each) => each.includes(run.id));
    return { result, records: await run.records(), told: JSON.parse(told!) as { state: string } };
  } catch (error) {
    await lab.rescue(place, image);
    throw error;
  } finally {
    run.close();
    await place.killAll();
  }
}

test.each([
  ['in the rounds', 9],
  ['while the guest is paused', 17],
])('%s: the guardian does nothing, the run completes', async (_, line) => {
  const { result, records, told } = await setBackAt(line, async (run) => {
    // Where the guest stands, beyond the lease; it is the monotonic clock that counts.
    if (line === 17) await delay(LEASE_MS + 1000);
    run.letGo();
  });
  expect(result).toMatchObject({ run: 'completed', disk: 'new', exitCode: 0, resumedBy: 'engine' });
  expect(told.state).toBe('ended');
  expect(records.some(({ type }) => type === 'guardian')).toBe(false);
  const times = records.map(({ at }) => Date.parse(at));
  expect(times.at(-1)! - times[0]!, 'on the wall').toBeLessThan(0);
  const monotonic = records.map(({ monotonicMs }) => monotonicMs);
  expect([...monotonic].sort((one, other) => one - other)).toEqual(monotonic);
});

test('while the guest is paused, and the engine is killed: its guardian resumes the guest, recover says what is so', async () => {
  const { result, told } = await setBackAt(17, (run) => {
    signal(run.enginePid, 'SIGKILL');
    return Promise.resolve();
  });
  expect(result).toMatchObject({ run: 'dead', disk: 'source', resumedBy: 'guardian' });
  expect(result.recover).toMatchObject({ source: 'current', destination: 'incomplete' });
  expect(told.state).toBe('ended');
});
