/** The simulated network: bandwidth that is shared, delay, loss, in virtual time with few sleeps. */
import fc from 'fast-check';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../../src/base/clock.js';
import { createPipe, SimulatedNetwork } from '../../../../src/simulator/network/index.js';
import type { NetworkSettings } from '../../../../src/simulator/network/index.js';
import { SimulatedClock } from '../../../../src/simulator/clock.js';
import { settle } from '../support/probe-lab.js';

const MIB = 1 << 20;

interface Arrival {
  readonly atMs: number;
  readonly bytes: number;
}

function arrivals(end: Duplex, clock: Clock): Arrival[] {
  const seen: Arrival[] = [];
  end.on('data', ({ length }: Buffer) => seen.push({ atMs: clock.now(), bytes: length }));
  end.on('error', () => undefined);
  return seen;
}

function labOf(settings: Partial<NetworkSettings>): {
  clock: SimulatedClock;
  network: SimulatedNetwork;
} {
  const clock = new SimulatedClock();
  return { clock, network: new SimulatedNetwork(clock, settings) };
}

const total = (seen: readonly Arrival[]) => seen.reduce((sum, { bytes }) => sum + bytes, 0);

/** Counts how often it is slept on. */
class CountingClock extends SimulatedClock {
  sleeps = 0;

  override sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    this.sleeps++;
    return super.sleep(milliseconds, signal);
  }
}

describe('a network', () => {
  it('takes its time for each chunk, and its delay', async () => {
    const { clock, network } = labOf({ bytesPerSecond: 1000, delayMs: 50 });
    const [one, other] = createPipe({ network });
    const seen = arrivals(other, clock);
    one.write(Buffer.alloc(100));
    await settle();
    one.write(Buffer.alloc(200));
    await clock.sleep(1000);
    one.write(Buffer.alloc(300));
    await clock.sleep(1000);
    expect(seen).toEqual([
      { atMs: 150, bytes: 100 },
      { atMs: 350, bytes: 200 },
      { atMs: 1350, bytes: 300 },
    ]);
  });

  it('delivers at once where it has no bound and no delay', async () => {
    const { clock, network } = labOf({});
    const [one, other] = createPipe({ network });
    const seen = arrivals(other, clock);
    one.write(Buffer.alloc(5 * MIB));
    await settle();
    expect(seen).toEqual([{ atMs: 0, bytes: 5 * MIB }]);
    expect(clock.waiting).toBe(0);
  });

  it('shares a direction among its connections, and not with the other direction', async () => {
    const { clock, network } = labOf({ bytesPerSecond: MIB });
    const pipes = [createPipe({ network }), createPipe({ network })] as const;
    const seen = pipes.map(([, far]) => arrivals(far, clock));
    const seenBack = arrivals(pipes[0][0], clock);
    for (const [near] of pipes)
      for (let count = 0; count < 10; count++) near.write(Buffer.alloc(MIB));
    pipes[0][1].write(Buffer.alloc(MIB));
    await clock.sleep(1001);
    expect(total(seenBack)).toBe(MIB);
    await clock.sleep(9001);
    expect(total(seen[0]!) + total(seen[1]!)).toBe(10 * MIB);
    expect(total(seen[0]!)).toBeGreaterThan(3 * MIB);
    expect(total(seen[1]!)).toBeGreaterThan(3 * MIB);
    await clock.sleep(10_000);
    expect(total(seen[0]!) + total(seen[1]!)).toBe(20 * MIB);
  });

  it('keeps the order when its delay is made shorter, and the speed of what is under way', async () => {
    const { clock, network } = labOf({ bytesPerSecond: 1000, delayMs: 500 });
    const [one, other] = createPipe({ network });
    const seen = arrivals(other, clock);
    one.write(Buffer.alloc(100));
    await settle();
    network.set({ bytesPerSecond: 100, delayMs: 0 });
    one.write(Buffer.alloc(10));
    await clock.sleep(1000);
    expect(seen).toEqual([
      { atMs: 600, bytes: 100 },
      { atMs: 600, bytes: 10 },
    ]);
  });

  it('has its end arrive after what was sent before it', async () => {
    const { clock, network } = labOf({ bytesPerSecond: 1000, delayMs: 50 });
    const [one, other] = createPipe({ network });
    let endedMs = 0;
    other.resume().on('end', () => (endedMs = clock.now()));
    one.end(Buffer.alloc(100));
    await clock.sleep(1000);
    expect(endedMs).toBe(150);
    expect(one.closed && other.closed).toBe(true);
    expect(network.connections).toBe(0);
  });

  it('has a writer wait while 4 MiB are on their way', async () => {
    const { clock, network } = labOf({ bytesPerSecond: MIB, delayMs: 1000 });
    const [one, other] = createPipe({ network });
    arrivals(other, clock);
    let accepted = 0;
    for (let count = 0; count < 32; count++)
      one.write(Buffer.alloc(MIB / 4), () => (accepted += 1));
    await settle();
    expect(accepted).toBeLessThanOrEqual(17);
    await clock.sleep(9001);
    await settle();
    expect(accepted).toBe(32);
  });

  it('sleeps about once for each chunk, however large', async () => {
    const clock = new CountingClock();
    const network = new SimulatedNetwork(clock, { bytesPerSecond: 100 * MIB, delayMs: 0.2 });
    const [one, other] = createPipe({ network });
    const seen = arrivals(other, clock);
    for (let count = 0; count < 64; count++) {
      if (!one.write(Buffer.alloc(MIB))) await new Promise((resolve) => one.once('drain', resolve));
    }
    one.end();
    await new Promise((resolve) => other.once('end', resolve));
    expect(total(seen)).toBe(64 * MIB);
    expect(clock.now()).toBeCloseTo(640.2, 1);
    expect(clock.sleeps).toBeLessThanOrEqual(65);
  });

  it('loses all its connections when it is cut, and takes new ones', async () => {
    const { clock, network } = labOf({ bytesPerSecond: 1000 });
    const pipes = [createPipe({ network }), createPipe({ network })];
    const codes: (string | undefined)[] = [];
    for (const end of pipes.flat())
      end.on('error', ({ code }: NodeJS.ErrnoException) => codes.push(code));
    const seen = arrivals(pipes[0]![1], clock);
    pipes[0]![0].write(Buffer.alloc(500));
    await clock.sleep(100);
    network.cut();
    await clock.sleep(1000);
    expect(codes).toEqual(Array.from({ length: 4 }, () => 'ECONNRESET'));
    expect(seen).toEqual([]);
    expect(network.connections).toBe(0);
    expect(clock.waiting).toBe(0);
    const [one, other] = createPipe({ network });
    const later = arrivals(other, clock);
    one.write(Buffer.alloc(10));
    await clock.sleep(1000);
    expect(total(later)).toBe(10);
  });

  it('does the same for the same writes', async () => {
    const step = fc.record({ bytes: fc.nat(100_000), from: fc.nat(3), afterMs: fc.nat(50) });
    const run = async (steps: readonly { bytes: number; from: number; afterMs: number }[]) => {
      const { clock, network } = labOf({ bytesPerSecond: 1_000_000, delayMs: 3 });
      const ends = [createPipe({ network }), createPipe({ network })].flat();
      const seen = ends.map((end) => arrivals(end, clock));
      for (const { bytes, from, afterMs } of steps) {
        if (afterMs > 40) await clock.sleep(afterMs);
        ends[from]!.write(Buffer.alloc(bytes + 1));
      }
      await clock.sleep(10_000);
      return seen;
    };
    const property = fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      const first = await run(steps);
      expect(await run(steps)).toEqual(first);
      const sent = steps.reduce((sum, { bytes }) => sum + bytes + 1, 0);
      expect(total(first.flat())).toBe(sent);
    });
    await fc.assert(property, { numRuns: 30 });
  });

  it.each([
    [{ bytesPerSecond: 0 }, /^A network of 0 bytes a second can't be simulated/],
    [{ bytesPerSecond: NaN }, /^A network of NaN bytes a second/],
    [{ delayMs: -1 }, /^A network with a delay of -1 ms can't be simulated/],
    [{ delayMs: Infinity }, /^A network with a delay of Infinity ms/],
  ])('of %o is refused', (settings, message) => {
    expect(() => labOf(settings)).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: expect.stringMatching(message) as unknown,
      }),
    );
  });
});
