/** What the guest writes is known in time, and never lost. */
import { describe, expect, it } from 'vitest';
import { QmpCommandError } from '../../../src/base/errors.js';
import type { ExtentVisitor } from '../../../src/base/extent.js';
import { BlockSet } from '../../../src/engine/blockset/index.js';
import { Tracker } from '../../../src/engine/tracker.js';
import type { SourceDisk } from '../../../src/hypervisor/types.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';

const geometry = { granularity: 4096, size: 1000 * 4096 };
const never = new AbortController().signal;
const refused = new QmpCommandError('transaction', 'GenericError', 'not now');

/** A tracked disk: `write` dirties a block, flips take `flipMs`, and fail when they are told to. */
function bench(flipMs = 10) {
  const clock = new SimulatedClock();
  let dirty = new Set<number>();
  const state = { flips: 0, atOnce: 0, most: 0, fails: undefined as Error | undefined };
  const flip = async (visit: ExtentVisitor) => {
    state.flips++;
    state.most = Math.max(state.most, ++state.atOnce);
    const taken = dirty;
    dirty = new Set();
    await clock.sleep(flipMs);
    state.atOnce--;
    for (const block of taken) {
      visit(block * 4096, 4096);
      if (!state.fails) continue;
      dirty = new Set([...dirty, ...taken]);
      throw state.fails;
    }
    return state.flips;
  };
  const source: Pick<SourceDisk, 'flip'> = { flip };
  const heard: { blocks: number[]; sinceMs: number; at: number }[] = [];
  const failures: unknown[] = [];
  const tracker = new Tracker(source as SourceDisk, geometry, clock, {
    onDirty: (blocks, sinceMs) =>
      heard.push({ blocks: blocks.toArray(), sinceMs, at: clock.now() }),
    onFailure: (error) => failures.push(error),
  });
  return { clock, tracker, state, heard, failures, write: (block: number) => dirty.add(block) };
}

describe('the tracker', () => {
  it('samples by itself, so that nothing is known later than 2 s', async () => {
    const { clock, tracker, heard, write } = bench();
    tracker.start();
    for (let i = 0; i < 100; i++) {
      write(i);
      await clock.sleep(137);
    }
    await clock.sleep(2000);
    await tracker.stopSampling();
    expect(heard.flatMap(({ blocks }) => blocks)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(Math.max(...heard.map(({ sinceMs }) => sinceMs))).toBeLessThanOrEqual(2000);
    expect(heard.length).toBeLessThan(15);
  });

  it('tells spans that have no gap between them', async () => {
    const { clock, tracker, heard } = bench();
    tracker.start();
    for (let i = 0; i < 20; i++) {
      await clock.sleep(i * 130);
      await tracker.take(never);
    }
    await tracker.stopSampling();
    expect(heard.reduce((sum, { sinceMs }) => sum + sinceMs, 0)).toBeCloseTo(heard.at(-1)!.at);
  });

  it('gives what is taken once, whether a sample saw it or not', async () => {
    const { clock, tracker, write } = bench();
    tracker.start();
    write(3);
    await clock.sleep(5000);
    write(4);
    expect((await tracker.take(never)).toArray()).toEqual([3, 4]);
    expect((await tracker.take(never)).isEmpty).toBe(true);
    await tracker.stopSampling();
  });

  it('gives what samples saw without asking again', async () => {
    const { clock, tracker, state, write } = bench();
    tracker.start();
    write(3);
    await clock.sleep(1800);
    write(4);
    const { flips } = state;
    expect(tracker.takeNoted().toArray()).toEqual([3]);
    expect(tracker.takeNoted()).toBe(BlockSet.empty);
    expect(state.flips).toBe(flips);
    expect((await tracker.take(never)).toArray()).toEqual([4]);
    await tracker.stopSampling();
  });

  it('flips one at a time', async () => {
    const { clock, tracker, state, write } = bench(1490);
    tracker.start();
    const takes: Promise<BlockSet>[] = [];
    for (let i = 0; i < 10; i++) {
      write(i);
      takes.push(tracker.take(never));
      await clock.sleep(300);
    }
    const taken = BlockSet.unionOf(await Promise.all(takes));
    await tracker.stopSampling();
    expect(taken.union(tracker.takeNoted()).toArray()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(state.most).toBe(1);
  });

  it('loses nothing when a flip fails', async () => {
    const { tracker, state, write } = bench();
    write(7);
    write(8);
    state.fails = refused;
    await expect(tracker.take(never)).rejects.toBe(refused);
    state.fails = undefined;
    write(9);
    expect((await tracker.take(never)).toArray()).toEqual([7, 8, 9]);
  });

  it('tells of a sample that fails, once, and ends sampling', async () => {
    const { clock, tracker, state, failures, write } = bench();
    tracker.start();
    write(1);
    state.fails = refused;
    await clock.sleep(10_000);
    expect(failures).toEqual([refused]);
    expect(state.flips).toBe(1);
    await tracker.stopSampling();
  });

  it('does not begin a flip for who has cancelled, and does not cut one short', async () => {
    const { clock, tracker, state, write } = bench(50);
    const cancel = new AbortController();
    write(1);
    const first = tracker.take(cancel.signal);
    const second = tracker.take(cancel.signal);
    await clock.sleep(10);
    cancel.abort();
    expect((await first).toArray()).toEqual([1]);
    await expect(second).rejects.toThrow();
    expect(state.flips).toBe(1);
  });

  it('that is stopped samples no more, and still takes', async () => {
    const { clock, tracker, state, failures, write } = bench();
    tracker.start();
    await clock.sleep(1495);
    const { flips } = state;
    await tracker.stopSampling();
    await clock.sleep(60_000);
    expect(state.flips).toBe(flips);
    write(5);
    expect((await tracker.take(never)).toArray()).toEqual([5]);
    expect(failures).toEqual([]);
  });

  it('that never began to sample can be stopped', async () => {
    await bench().tracker.stopSampling();
  });
});
