/** What each policy sends and puts off, and what every plan must be. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/base/errors.js';
import { BlockSet } from '../../../src/engine/blockset/index.js';
import {
  cachePolicy,
  createPolicy,
  DEFERRAL_REASONS,
  explainBlock,
  explainReason,
  historyPolicy,
  plainPolicy,
  WriteHistory,
  type CacheView,
  type Plan,
  type PlanView,
} from '../../../src/engine/policy/index.js';

const NOW = 10_000_000;
const { empty } = BlockSet;

function look(parts: Partial<CacheView> = {}): CacheView {
  return { dirty: empty, writeback: empty, clean: empty, at: NOW, ...parts };
}

function view(parts: Partial<PlanView> = {}): PlanView {
  return {
    candidates: BlockSet.range(0, 10),
    cache: undefined,
    history: new WriteHistory(),
    now: NOW,
    round: 0,
    batch: 0,
    budgetBlocks: 100,
    sent: empty,
    dirtyExpireMs: 30_000,
    ...parts,
  };
}

function reasons(plan: Plan): Record<string, number[]> {
  return Object.fromEntries(plan.deferred.map(({ reason, blocks }) => [reason, blocks.toArray()]));
}

/** A history of blocks that reached the disk, each at a time before NOW. */
function written(...touches: [block: number, agoMs: number][]): WriteHistory {
  const history = new WriteHistory();
  touches.sort((a, b) => b[1] - a[1]);
  for (const [block, ago] of touches) history.record(BlockSet.of(block), NOW - ago);
  return history;
}

describe('policy plain', () => {
  it('sends in disk order, by the budget, and puts nothing off', () => {
    const history = written([0, 10], [0, 5000]);
    const plan = plainPolicy.plan(
      view({ budgetBlocks: 3, history, cache: look({ dirty: BlockSet.of(0) }) }),
    );
    expect(plan.send.toArray()).toEqual([0, 1, 2]);
    expect(plan.deferred).toEqual([]);
  });
});

describe('policy history', () => {
  it('puts off what was written often, and nothing else', () => {
    const history = written([1, 10_000], [1, 50_000], [2, 1000], [3, 100_000], [3, 200_000]);
    const plan = historyPolicy.plan(view({ history }));
    expect(reasons(plan)).toEqual({ 'written-often': [1] });
    expect(plan.send.equals(view().candidates.difference(BlockSet.of(1)))).toBe(true);
  });

  it('sends first what lies far from everything written, then what was not written itself', () => {
    const history = written([10, 100_000], [5000, 100_000]);
    const candidates = BlockSet.of(9, 10, 2000, 3000, 5000, 5001);
    const sends = (budgetBlocks: number) =>
      historyPolicy.plan(view({ history, candidates, budgetBlocks })).send.toArray();
    expect(sends(2)).toEqual([2000, 3000]);
    expect(sends(4)).toEqual([9, 2000, 3000, 5001]);
    expect(sends(6)).toEqual(candidates.toArray());
  });

  it('sends what was written in disk order, whenever that was', () => {
    const history = written([1, 100_000], [2, 130_000], [3, 300_000]);
    const candidates = BlockSet.of(1, 2, 3, 4);
    const plan = historyPolicy.plan(view({ history, candidates, budgetBlocks: 2 }));
    expect(plan.send.toArray()).toEqual([1, 4]);
  });

  it('forgets after half an hour that a block was written', () => {
    const history = written([1, 1_900_000], [1025, 1000]);
    const candidates = BlockSet.of(1, 1026);
    const plan = historyPolicy.plan(view({ now: NOW, history, candidates, budgetBlocks: 1 }));
    expect(plan.send.toArray()).toEqual([1]);
  });
});

describe('policy cache', () => {
  it('gives each block the strongest reason that fits', () => {
    const often: [number, number][] = [1, 2, 3].flatMap((block) => [
      [block, 40_000],
      [block, 5000],
    ]);
    const plan = cachePolicy.plan(
      view({
        cache: look({ dirty: BlockSet.of(1, 20), writeback: BlockSet.of(1, 2) }),
        history: written(...often, [4, 3000]),
      }),
    );
    expect(reasons(plan)).toEqual({
      'dirty-in-cache': [1],
      'under-writeback': [2],
      'written-often': [3],
      'written-recently': [4],
    });
    expect(plan.send.toArray()).toEqual([0, 5, 6, 7, 8, 9]);
  });

  it('takes a block for cold that was untouched for a minute', () => {
    const plan = cachePolicy.plan(
      view({ cache: look(), history: written([1, 59_000], [2, 70_000]) }),
    );
    expect(reasons(plan)).toEqual({ 'written-recently': [1] });
  });

  it('puts off what was seen dirty in the cache at an earlier look', () => {
    const history = new WriteHistory();
    history.record(BlockSet.of(6), NOW - 20_000, 'cached');
    expect(reasons(cachePolicy.plan(view({ cache: look(), history })))).toEqual({
      'written-recently': [6],
    });
  });

  it('puts off no more for being touched recently than fits the quiet after a drain', () => {
    // A budget of 2 blocks in 2 s is 15 blocks in half of 30 s.
    const history = new WriteHistory();
    history.record(BlockSet.range(0, 20), NOW - 50_000);
    history.record(BlockSet.range(0, 5), NOW - 8000);
    const candidates = BlockSet.range(0, 30);
    const plan = cachePolicy.plan(view({ cache: look(), history, candidates, budgetBlocks: 2 }));
    expect(reasons(plan)).toEqual({ 'written-often': [0, 1, 2, 3, 4] });
    const roomy = cachePolicy.plan(view({ cache: look(), history, candidates, budgetBlocks: 3 }));
    expect(roomy.deferred.map(({ blocks }) => blocks.count)).toEqual([5, 15]);
  });

  it('sends something even where everything was just written', () => {
    const history = new WriteHistory();
    history.record(BlockSet.range(0, 1000), NOW - 3000);
    const candidates = BlockSet.range(0, 1000);
    const plan = cachePolicy.plan(view({ cache: look(), history, candidates, budgetBlocks: 10 }));
    expect(plan.send.count).toBe(10);
  });

  it.each([
    ['without a probe', undefined],
    ['with a report that is old', look({ dirty: BlockSet.of(5), at: NOW - 10_001 })],
  ])('does as history %s', (_, cache) => {
    const history = written([1, 10_000], [1, 50_000], [2, 1000]);
    const parts = view({ cache, history });
    expect(cachePolicy.plan(parts)).toEqual(historyPolicy.plan(parts));
    expect(reasons(cachePolicy.plan(parts))).toEqual({ 'written-often': [1] });
  });
});

describe('every plan', { timeout: 60_000 }, () => {
  const blocks = fc
    .array(fc.integer({ min: 0, max: 4000 }), { maxLength: 60 })
    .map((list) => BlockSet.of(...list));
  const touches = fc.array(fc.tuple(blocks, fc.integer({ min: 0, max: 40_000 }), fc.boolean()), {
    maxLength: 8,
  });

  it.each(['plain', 'history', 'cache'])('of %s keeps what a plan promises', (name) => {
    const policy = createPolicy(name);
    fc.assert(
      fc.property(
        fc.tuple(blocks, blocks, blocks, touches),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        ([candidates, dirty, writeback, list], budgetBlocks, probed) => {
          const history = new WriteHistory();
          let now = 0;
          for (const [set, pause, cached] of list) {
            history.record(set, (now += pause), cached ? 'cached' : 'written');
          }
          const cache = probed ? look({ dirty, writeback, at: now }) : undefined;
          const plan = policy.plan(view({ candidates, cache, history, now, budgetBlocks }));
          const parts = [plan.send, ...plan.deferred.map((each) => each.blocks)];
          const all = BlockSet.unionOf(parts);
          expect(parts.reduce((sum, { count }) => sum + count, 0)).toBe(all.count);
          expect(all.difference(candidates).isEmpty).toBe(true);
          expect(plan.send.count).toBeLessThanOrEqual(budgetBlocks);
          expect(plan.deferred.some((each) => each.blocks.isEmpty)).toBe(false);
          if (plan.send.count < budgetBlocks) expect(all.equals(candidates)).toBe(true);
          const order = plan.deferred.map(({ reason }) =>
            DEFERRAL_REASONS.findIndex((each) => each === reason),
          );
          expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
        },
      ),
    );
  });
});

describe('a plan in words', () => {
  const plan = cachePolicy.plan(
    view({ cache: look({ dirty: BlockSet.of(3) }), candidates: BlockSet.of(2, 3) }),
  );

  it('says of each block what becomes of it', () => {
    expect(explainBlock(plan, 2)).toBe('It is sent in this batch.');
    expect(explainBlock(plan, 3)).toMatch(/^It is put off: it is dirty in the guest’s page cache/);
    expect(explainBlock(plan, 4)).toMatch(/^This plan neither sends it nor puts it off/);
  });

  it('has a sentence of its own for each reason', () => {
    const sentences = DEFERRAL_REASONS.map(explainReason);
    expect(new Set(sentences).size).toBe(DEFERRAL_REASONS.length);
    for (const sentence of sentences) expect(sentence).toMatch(/^It is put off: .+\.$/);
  });
});

describe('policies by name', () => {
  it.each(['plain', 'history', 'cache'])('%s', (name) => {
    expect(createPolicy(name).name).toBe(name);
    expect(createPolicy(name).usesCache).toBe(name === 'cache');
  });

  it.each(['none', 'toString'])('there is none called %s', (name) => {
    expect(() => createPolicy(name)).toThrow(UsageError);
    expect(() => createPolicy(name)).toThrow(`There is no policy called '${name}'.`);
  });
});
