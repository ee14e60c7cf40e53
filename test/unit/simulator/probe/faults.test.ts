/** Faults of the simulated probe, and its connections: one host at a time, lost, late, unread. */
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { connectProbe } from '../../../../src/probe/index.js';
import type { CachedRun } from '../../../../src/simulator/guest/types.js';
import { createPipe, SimulatedNetwork } from '../../../../src/simulator/network/index.js';
import { disk, HandHost, ProbeLab, settle } from '../support/probe-lab.js';

function rejection(kind: string, message: RegExp): unknown {
  return expect.objectContaining({ kind, message: expect.stringMatching(message) as unknown });
}

const ping = (id: number) => ({ id, method: 'ping' });
const snapshot = {
  id: 's',
  method: 'snapshot',
  params: { disk: { size: disk.size }, clean: true },
};
const drain = { id: 'd', method: 'drain', params: { disk: { size: disk.size } } };

function runs(count: number): CachedRun[] {
  return Array.from({ length: count }, (_, index) => ({
    offset: index * 8192,
    length: 4096,
    state: index % 2 === 0 ? 'dirty' : 'clean',
    class: 'data',
  }));
}

describe('a probe that hangs', () => {
  it('answers nothing until it does not', async () => {
    const lab = new ProbeLab();
    const host = lab.dial();
    await settle();
    lab.probe.faults.hangs = true;
    expect(await host.ask(ping(1), ping(2))).toEqual([]);
    await lab.clock.sleep(5);
    lab.probe.faults.hangs = false;
    await host.ask(ping(3));
    expect(host.lines.slice(1)).toMatchObject([
      { id: 1, result: { monotonicMs: 5 } },
      { id: 2 },
      { id: 3 },
    ]);
  });

  it("is given up by the project's client, and the next host gets its turn", async () => {
    const lab = new ProbeLab();
    const probe = await lab.connect();
    lab.probe.faults.hangs = true;
    await expect(probe.snapshot({ disk, clean: false })).rejects.toEqual(
      rejection('timeout', /^The guest's probe stopped answering/),
    );
    const next = lab.dial();
    await settle();
    expect(next.lines).toEqual([]);
    lab.probe.faults.hangs = false;
    await settle();
    expect(next.lines).toMatchObject([{ hello: {} }]);
  });

  it.each(['snapshot', 'drain'] as const)('may do so in the middle of a %s', async (during) => {
    const lab = new ProbeLab();
    lab.guest.runs = runs(2);
    const host = lab.dial();
    await settle();
    lab.probe.faults.mishap = { during, does: 'hang' };
    host.say(during === 'drain' ? drain : snapshot);
    await lab.clock.sleep(60_000);
    expect(host.lines).toHaveLength(during === 'drain' ? 1 : 2);
    expect(lab.probe.faults.hangs).toBe(true);
    expect(lab.probe.faults.mishap).toBeUndefined();
    lab.probe.faults.hangs = false;
    await lab.clock.sleep(60_000);
    expect(host.lines.at(-1)).toHaveProperty('result');
  });
});

describe('a probe that dies', () => {
  it.each(['snapshot', 'drain', 'trim'] as const)('in the middle of a %s', async (during) => {
    const lab = new ProbeLab();
    lab.guest.runs = runs(2);
    const probe = await lab.connect();
    lab.probe.faults.mishap = { during, does: 'die' };
    await expect(probe[during]({ disk, clean: false })).rejects.toEqual(
      rejection('connection-lost', /^The connection to the guest's probe at a stream was lost/),
    );
    expect(lab.clock.waiting).toBe(0);
  });

  it('is not heard of by later hosts, until it is started anew', async () => {
    const lab = new ProbeLab();
    const host = lab.dial();
    await settle();
    lab.probe.die();
    await host.served;
    expect(host.hasEnded).toBe(true);
    const [end, guest] = createPipe();
    const served = lab.probe.serve(guest);
    await expect(connectProbe(end, { clock: lab.clock })).rejects.toEqual(
      rejection('timeout', /^Greeting the guest's probe at a stream had no answer within 15000 ms/),
    );
    await served;
    const later = lab.dial();
    await settle();
    expect(later.lines).toEqual([]);
    lab.probe.restart();
    await settle();
    expect(later.lines).toMatchObject([{ hello: { protocol: '1.0' } }]);
  });
});

describe('a probe that is started anew', () => {
  it.each(['snapshot', 'drain', 'trim'] as const)(
    'in the middle of a %s knows nothing of it',
    async (during) => {
      const lab = new ProbeLab();
      lab.guest.runs = runs(20_000);
      const probe = await lab.connect();
      lab.probe.faults.mishap = { during, does: 'restart' };
      await expect(probe[during]({ disk, clean: false })).rejects.toEqual(
        rejection('connection-lost', /failed: the guest's probe was started anew/),
      );
      expect((await probe.snapshot({ disk, clean: true })).sequence).toBe(1);
      await probe.close();
    },
  );

  it('says hello before it answers what waited', async () => {
    const lab = new ProbeLab();
    const host = lab.dial();
    await settle();
    lab.probe.faults.hangs = true;
    await host.ask(ping(1));
    lab.probe.restart();
    lab.probe.faults.hangs = false;
    await settle();
    expect(host.lines.slice(1)).toMatchObject([{ hello: {} }, { id: 1 }]);
  });
});

describe('other faults', () => {
  it('answers come late', async () => {
    const lab = new ProbeLab();
    const host = lab.dial();
    await settle();
    lab.probe.faults.lateMs = 700;
    host.say(snapshot, 'no JSON\n');
    await lab.clock.sleep(699);
    expect(host.lines).toHaveLength(1);
    await lab.clock.sleep(1);
    await settle();
    expect(host.lines).toHaveLength(4);
  });

  it('what is late is cancelled all the same', async () => {
    const lab = new ProbeLab();
    const host = lab.dial();
    await settle();
    lab.probe.faults.lateMs = 700;
    await host.ask(drain);
    lab.probe.faults.lateMs = 0;
    expect(await host.ask({ id: 1, method: 'cancel', params: { id: 'd' } })).toMatchObject([
      { id: 'd', error: { code: 'cancelled' } },
      { id: 1, result: {} },
    ]);
    expect(lab.clock.waiting).toBe(0);
  });

  it('a checksum that does not fit is noticed', async () => {
    const lab = new ProbeLab();
    const probe = await lab.connect();
    lab.probe.faults.wrongChecksum = true;
    await expect(probe.snapshot({ disk, clean: false })).rejects.toEqual(
      rejection('protocol', /^The guest's probe sent a torn report: 'crc32' is/),
    );
    await probe.close();
  });

  it('a report is cut, and says so', async () => {
    const lab = new ProbeLab();
    lab.guest.runs = runs(10);
    const probe = await lab.connect();
    lab.probe.faults.mostExtents = 3;
    const report = await probe.snapshot({ disk, clean: true });
    expect(report.extents).toHaveLength(3);
    expect(report.truncated).toMatch(/^The page cache holds more extents/);
    await probe.close();
  });

  it('clean pages are forgotten', async () => {
    const lab = new ProbeLab();
    lab.guest.runs = runs(10);
    const probe = await lab.connect();
    lab.probe.faults.forgetsClean = true;
    expect((await probe.snapshot({ disk, clean: true })).extents).toHaveLength(5);
    await probe.close();
  });

  it('an error of the guest ends the connection, and is heard of', async () => {
    const lab = new ProbeLab();
    const host = lab.dial();
    lab.guest.onLook = () => {
      throw new RangeError('a defect');
    };
    host.say(snapshot);
    await expect(host.served).rejects.toThrow('a defect');
    await settle();
    expect(host.hasEnded).toBe(true);
    const next = lab.dial();
    await settle();
    expect(next.lines).toHaveLength(1);
  });
});

describe('the connections of a probe', () => {
  it('are served one at a time, in the order in which they came', async () => {
    const lab = new ProbeLab();
    const [first, second, third] = [lab.dial(), lab.dial(), lab.dial()];
    expect(await second.ask(ping(1))).toEqual([]);
    first.stream.destroy();
    await first.served;
    await settle();
    expect(second.lines).toMatchObject([{ hello: {} }, { id: 1 }]);
    expect(third.lines).toEqual([]);
    second.stream.end();
    await second.served;
    await settle();
    expect(third.lines).toMatchObject([{ hello: {} }]);
  });

  it('lose their place when they end while they wait', async () => {
    const lab = new ProbeLab();
    const first = lab.dial();
    const [host, guest] = createPipe();
    const leaver = new HandHost(host, lab.probe.serve(guest));
    guest.destroy();
    await leaver.served;
    const third = lab.dial();
    first.stream.destroy();
    await settle();
    expect(third.lines).toMatchObject([{ hello: {} }]);
  });

  it('are ended at once where many wait already', async () => {
    const lab = new ProbeLab();
    const hosts = Array.from({ length: 19 }, () => lab.dial());
    await settle();
    expect(hosts.map(({ hasEnded }) => hasEnded)).toEqual([
      ...Array.from({ length: 17 }, () => false),
      true,
      true,
    ]);
  });

  it('end when the probe is closed, and later ones at once', async () => {
    const lab = new ProbeLab();
    const hosts = [lab.dial(), lab.dial()];
    await settle();
    lab.probe.close();
    await Promise.all(hosts.map(({ served }) => served));
    await lab.dial().served;
    expect(lab.clock.waiting).toBe(0);
  });

  it('begin when the guest runs again', async () => {
    const lab = new ProbeLab();
    lab.pause();
    const host = lab.dial();
    await lab.clock.sleep(1000);
    expect(host.lines).toEqual([]);
    lab.resume();
    await settle();
    expect(host.lines).toMatchObject([{ hello: { monotonicMs: 0 } }]);
  });

  it('end while the guest stands, with requests that were not taken', async () => {
    const lab = new ProbeLab();
    const host = lab.dial();
    await settle();
    lab.pause();
    await host.ask(ping(1), ping(2));
    host.stream.end();
    await host.served;
    expect(host.lines).toHaveLength(1);
  });

  it('answer what came before the host ended its side', async () => {
    const host = new ProbeLab().dial();
    host.say(ping(1), ping(2));
    host.stream.end();
    await host.served;
    await settle();
    expect(host.lines).toMatchObject([{ hello: {} }, { id: 1 }, { id: 2 }]);
  });
});

/** A guest's end whose other side takes nothing until it is told to. */
class Stuck extends Duplex {
  written = 0;
  #pending: (() => void) | undefined;
  #isOpen = false;

  override _read(): void {
    // The test pushes.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written += chunk.length;
    if (this.#isOpen) done();
    else this.#pending = done;
  }

  open(): void {
    this.#isOpen = true;
    this.#pending?.();
  }
}

describe('a host behind a network', () => {
  it('gets what it asks for, later', async () => {
    const lab = new ProbeLab();
    lab.guest.runs = runs(1000);
    const network = new SimulatedNetwork(lab.clock, { bytesPerSecond: 1_000_000, delayMs: 20 });
    const probe = await lab.connect(network);
    expect(lab.clock.now()).toBeGreaterThan(40);
    const before = lab.clock.now();
    expect((await probe.snapshot({ disk, clean: true })).extents).toHaveLength(1000);
    expect(lab.clock.now() - before).toBeGreaterThan(55);
    const draining = probe.drain({ disk });
    await lab.clock.sleep(100);
    network.cut();
    await expect(draining).rejects.toEqual(
      rejection('connection-lost', /^The connection to the guest's probe .* was lost: read ECONN/),
    );
    const next = lab.dial();
    await settle();
    expect(next.lines).toMatchObject([{ hello: {} }]);
  });
});

describe('a host that does not read', () => {
  it('is not buffered for without end, and gets everything in the end', async () => {
    const lab = new ProbeLab();
    lab.guest.runs = runs(200_000);
    const stuck = new Stuck();
    void lab.probe.serve(stuck);
    stuck.push(`${JSON.stringify(snapshot)}\n`);
    for (let index = 0; index < 1000; index++) stuck.push(`${JSON.stringify(ping(index))}\n`);
    await settle();
    expect(stuck.writableLength).toBeGreaterThan(200_000);
    expect(stuck.writableLength).toBeLessThan(400_000);
    stuck.open();
    await settle();
    await settle();
    expect(stuck.written).toBeGreaterThan(4_000_000);
    expect(stuck.writableLength).toBe(0);
    stuck.destroy();
  });

  it('is not read from without end', async () => {
    const lab = new ProbeLab();
    const stuck = new Stuck();
    void lab.probe.serve(stuck);
    const line = `${JSON.stringify({ id: 'x'.repeat(60), method: 'ping' })}\n`.repeat(100);
    let pushed = 0;
    while (pushed < 50_000_000 && stuck.readableLength < 1_000_000) {
      stuck.push(line);
      pushed += line.length;
      await new Promise((resolve) => process.nextTick(resolve));
    }
    expect(pushed).toBeLessThan(3_000_000);
    expect(stuck.writableLength).toBeLessThan(400_000);
    stuck.destroy();
    await settle();
  });
});
