/** Steering by the simulated probe: what it raises, and each way in which it is undone. */
import { describe, expect, it } from 'vitest';
import { ProbeLab, settle, type HandHost } from '../support/probe-lab.js';

const held = { dirtyExpireCentisecs: 60_000, dirtyRatio: 40, dirtyBackgroundRatio: 25 };

async function labThatHolds(params: object = {}): Promise<{ lab: ProbeLab; host: HandHost }> {
  const lab = new ProbeLab();
  const host = lab.dial();
  const all = { mode: 'hold', forMs: 60_000, silenceMs: 120_000, ...params };
  expect(await host.ask({ id: 1, method: 'steer', params: all })).toEqual([{ id: 1, result: {} }]);
  expect(lab.guest.settings).toMatchObject(held);
  return { lab, host };
}

function expectUndone(lab: ProbeLab): void {
  expect(lab.guest.settings).toMatchObject({
    dirtyExpireCentisecs: 3000,
    dirtyRatio: 20,
    dirtyBackgroundRatio: 10,
  });
}

describe('steering', () => {
  it('is told by ping, and undone on release', async () => {
    const { lab, host } = await labThatHolds();
    expect(await host.ask({ id: 2, method: 'ping' })).toMatchObject([
      { result: { steering: true } },
    ]);
    const release = { id: 3, method: 'steer', params: { mode: 'release' } };
    expect(await host.ask(release)).toEqual([{ id: 3, result: {} }]);
    expectUndone(lab);
    expect(await host.ask({ id: 4, method: 'ping' })).toMatchObject([
      { result: { steering: false } },
    ]);
    expect(lab.clock.waiting).toBe(0);
  });

  it('is undone when its time is over, and not before', async () => {
    const { lab } = await labThatHolds();
    await lab.clock.sleep(59_999);
    expect(lab.guest.settings).toMatchObject(held);
    await lab.clock.sleep(1);
    await settle();
    expectUndone(lab);
    expect(lab.clock.waiting).toBe(0);
  });

  it("counts its time on the guest's clock", async () => {
    const { lab } = await labThatHolds();
    await lab.clock.sleep(50_000);
    lab.pause();
    await lab.clock.sleep(50_000);
    lab.resume();
    await lab.clock.sleep(9_999);
    expect(lab.guest.settings).toMatchObject(held);
    await lab.clock.sleep(1);
    await settle();
    expectUndone(lab);
  });

  it('is undone when the host is silent', async () => {
    const { lab, host } = await labThatHolds({ silenceMs: 1000 });
    await lab.clock.sleep(900);
    await host.ask('\n');
    await lab.clock.sleep(999);
    expect(lab.guest.settings).toMatchObject(held);
    await lab.clock.sleep(1);
    await settle();
    expectUndone(lab);
  });

  it('takes 15 s of silence unless told otherwise', async () => {
    const { lab } = await labThatHolds({ silenceMs: undefined });
    await lab.clock.sleep(14_999);
    expect(lab.guest.settings).toMatchObject(held);
    await lab.clock.sleep(1);
    await settle();
    expectUndone(lab);
  });

  it.each<[string, (lab: ProbeLab, host: HandHost) => unknown]>([
    ['when the host leaves', (_, host) => host.stream.destroy()],
    ['when the host ends its side', (_, host) => host.stream.end()],
    ['on a new hello', (_, host) => host.say({ id: 9, method: 'hello' })],
    ['when the probe ends', ({ probe }) => probe.die()],
    ['when the probe is started anew', ({ probe }) => probe.restart()],
    ['when the machine ends', ({ probe }) => probe.close()],
  ])('is undone %s', async (_, end) => {
    const { lab, host } = await labThatHolds();
    end(lab, host);
    await settle();
    expectUndone(lab);
    expect(lab.clock.waiting).toBe(0);
  });

  it('begins anew when it is asked for again', async () => {
    const { lab, host } = await labThatHolds();
    await lab.clock.sleep(50_000);
    await host.ask({
      id: 2,
      method: 'steer',
      params: { mode: 'hold', forMs: 20_000, silenceMs: 120_000 },
    });
    await lab.clock.sleep(19_999);
    expect(lab.guest.settings).toMatchObject(held);
    await lab.clock.sleep(1);
    await settle();
    expectUndone(lab);
  });

  it('never lowers', async () => {
    const lab = new ProbeLab();
    const own = { dirtyExpireCentisecs: 90_000, dirtyRatio: 80, dirtyBackgroundRatio: 25 };
    lab.guest.set(own);
    const host = lab.dial();
    await host.ask({ id: 1, method: 'steer', params: { mode: 'hold', forMs: 1000 } });
    expect(lab.guest.settings).toMatchObject(own);
    await host.ask({ id: 1, method: 'steer', params: { mode: 'release' } });
    expect(lab.guest.settings).toMatchObject(own);
  });

  it('leaves a setting that somebody else changed meanwhile', async () => {
    const { lab, host } = await labThatHolds();
    lab.guest.set({ dirtyRatio: 50 });
    await host.ask({ id: 2, method: 'steer', params: { mode: 'release' } });
    expect(lab.guest.settings).toMatchObject({
      dirtyExpireCentisecs: 3000,
      dirtyRatio: 50,
      dirtyBackgroundRatio: 10,
    });
  });

  it('is told in the hello of the next host as what the guest had', async () => {
    const { lab, host } = await labThatHolds();
    const report = { id: 2, method: 'snapshot', params: { disk: { size: 1 << 30 } } };
    expect((await host.ask(report))[0]).toMatchObject({ report: { dirtyExpireMs: 600_000 } });
    host.stream.destroy();
    const next = lab.dial();
    await settle();
    expect(next.lines).toMatchObject([{ hello: { dirtyExpireMs: 30_000 } }]);
  });
});
