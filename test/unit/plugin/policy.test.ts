/** A plugin as the policy of whole migrations of simulated guests, in virtual time: sound ones, and every way to be at fault. */
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.js';
import { BlockSet } from '../../../src/engine/blockset/index.js';
import {
  createPolicy,
  decodeBlocks,
  encodeBlocks,
  WriteHistory,
  type CacheView,
  type Plan,
} from '../../../src/engine/index.js';
import { PluginPlanner } from '../../../src/engine/policy/index.js';
import {
  PluginHost,
  type PolicyPlanParams,
  type SetUpdate,
  type Touch,
} from '../../../src/plugin/index.js';
import { SimulatedClock } from '../../../src/simulator/index.js';
import { run, scenarioFor, type Asked as Scenario, type Ran } from '../experiment/support.js';
import {
  DESCRIPTION,
  fakePlugin,
  GREETING,
  SILENT,
  type Asked,
  type Fake,
  type FakeAnswer,
  type FakeHands,
} from './fake-plugin.js';

const BLOCKS = 1024;

/** The built-in policy of some name behind the protocol: what it is told is all it knows. */
class Mirror {
  #sets = new Map<string, BlockSet>();
  #history = new WriteHistory();

  constructor(
    private readonly name: string,
    private readonly capabilities: object,
  ) {}

  readonly answer: FakeAnswer = ({ method, params }) => {
    if (method === 'initialize')
      return { ...GREETING, capabilities: { policy: this.capabilities } };
    if (method === 'policy/begin') {
      this.#sets = new Map();
      this.#history = new WriteHistory();
      return {};
    }
    return method === 'policy/plan' ? this.#plan(params as unknown as PolicyPlanParams) : undefined;
  };

  #plan(params: PolicyPlanParams): object {
    const touches: Touch[] = params.touches;
    for (const { at, kind, blocks } of touches)
      this.#history.record(decodeBlocks(blocks, BLOCKS), at, kind);
    const [dirty, writeback] = [
      this.#update('dirty', params.dirty),
      this.#update('writeback', params.writeback),
    ];
    const cache: CacheView | undefined = params.cache && {
      ...{ dirty, writeback, clean: BlockSet.empty },
      at: params.cache.at,
    };
    const plan: Plan = createPolicy(this.name).plan({
      ...params,
      candidates: this.#update('candidates', params.candidates),
      sent: this.#update('sent', params.sent),
      cache,
      history: this.#history,
      dirtyExpireMs: params.dirtyExpireMs,
    });
    return {
      send: encodeBlocks(plan.send, true),
      deferred: plan.deferred.map(({ reason, blocks }) => ({
        reason,
        blocks: encodeBlocks(blocks, true),
      })),
    };
  }

  #update(name: string, { whole, remove, add }: SetUpdate): BlockSet {
    const read = (blocks: string | number[] | undefined) => decodeBlocks(blocks ?? [], BLOCKS);
    const before = whole ? read(whole) : (this.#sets.get(name) ?? BlockSet.empty);
    const now = before.difference(read(remove)).union(read(add));
    this.#sets.set(name, now);
    return now;
  }
}

const REASONS = ['dirty-in-cache', 'under-writeback', 'written-often', 'written-recently'].map(
  (name) => ({ name, text: 'It is.' }),
);

/** Several rounds, several batches each; it may not converge. */
const BUSY: Scenario = {
  ...{ diskMiB: 64, rate: 0.5, seed: 3, maxRounds: 6 },
  ...{ maxBandwidth: 4 * 1024 ** 2, downtimeLimitMs: 500 },
};
/** One round of several batches; it converges. */
const CALM: Scenario = { ...BUSY, rate: 0.1 };

function migrate(fake: Fake, asked: Scenario = BUSY, more: object = {}): Promise<Ran> {
  const scenario = scenarioFor(asked);
  const options = { ...scenario.options, plugin: DESCRIPTION };
  const plugins = { start: fake.start, version: '1', ...more };
  return run({ ...scenario, options }, { plugins });
}

const plansOf = ({ events }: Ran) =>
  events.flatMap((each) =>
    each.type === 'plan' ? [{ send: each.send, deferred: each.deferred }] : [],
  );
const warningsOf = ({ events }: Ran) =>
  events.flatMap((each) => (each.type === 'warning' ? [each.message] : []));

describe('a policy plugin that is sound', () => {
  it.each([
    ['plain', { sets: 'whole' }],
    ['history', { sets: 'changes', compact: true, reasons: REASONS }],
    ['cache', { sets: 'changes', compact: true, usesCache: true, reasons: REASONS }],
    ['cache', { sets: 'whole', usesCache: true, reasons: REASONS }],
  ])('makes the plans of %s, block for block, with %j', async (name, capabilities) => {
    const own = await run(scenarioFor({ ...BUSY, policy: name as 'plain' }));
    const fake = fakePlugin(new Mirror(name, capabilities).answer);
    const mirrored = await migrate(fake);
    expect(mirrored.summary).toMatchObject({ outcome: own.summary.outcome, policy: 'fake' });
    expect(warningsOf(mirrored)).toEqual([]);
    expect(plansOf(own).length).toBeGreaterThan(5);
    expect(plansOf(mirrored)).toEqual(plansOf(own));
    expect(fake.heard.at(-1)).toMatchObject({ method: 'shutdown' });
    expect(fake.signals).toEqual([]);
  });

  it('is asked whether another round helps, and can end the rounds', async () => {
    let asked = 0;
    const { answer } = new Mirror('plain', { converged: true });
    const fake = fakePlugin((message, hands) => {
      if (message.method !== 'policy/converged') return answer(message, hands);
      asked++;
      return { enough: true };
    });
    const ran = await migrate(fake);
    expect(asked).toBe(1);
    expect(warningsOf(ran)).toEqual([]);
    expect(ran.events.filter(({ type }) => type === 'round').length).toBeGreaterThan(0);
  });

  it('is started anew between rounds when its files changed', async () => {
    let marks = 0;
    const fake = fakePlugin(new Mirror('plain', { sets: 'changes' }).answer);
    const ran = await migrate(fake, BUSY, { fingerprint: () => Promise.resolve(String(marks++)) });
    expect(fake.starts).toBeGreaterThan(1);
    expect(warningsOf(ran)).toEqual([]);
    expect(ran.error?.kind ?? 'not-converged').toBe('not-converged');
  });
});

type Misdeed = (
  plan: { send: unknown; deferred: unknown },
  hands: FakeHands,
  asked: Asked,
) => unknown;

const MISDEEDS: Readonly<Record<string, readonly [Misdeed, RegExp]>> = {
  hangs: [() => SILENT, /did not answer policy\/plan within 5000 ms\./],
  crashes: [
    (_plan, hands) => {
      hands.log('segmentation fault\n');
      hands.exit(139);
      return SILENT;
    },
    /ended its output\./,
  ],
  'sends a block past the disk': [
    () => ({ send: [BLOCKS, 1], deferred: [] }),
    /leads past the disk's 1024 blocks/,
  ],
  'sends more than its budget': [
    (_plan, _hands, { params }) => {
      const { whole } = params['candidates'] as SetUpdate;
      return { send: whole, deferred: [] };
    },
    /the budget is \d+ \(R13\)/,
  ],
  'names a reason of its own': [
    (plan) => ({ send: [], deferred: [{ reason: 'so', blocks: plan.send }] }),
    /'so' that it did not declare \(R15\)/,
  ],
  'sends nothing': [() => ({ send: [], deferred: [] }), /does not put off every candidate \(R16\)/],
  'answers with an error': [
    () => {
      throw new Error('no idea');
    },
    /refused policy\/plan: Error: no idea/,
  ],
  'answers with a set that is none': [
    () => ({ send: [1, 2, 3], deferred: [] }),
    /it ends with a skip/,
  ],
  'answers with no plan': [() => ({}), /must have required property 'send'/],
  'writes no JSON': [
    (_plan, hands) => {
      hands.write('Traceback (most recent call last):\n');
      return SILENT;
    },
    /which is not JSON/,
  ],
  floods: [
    (_plan, hands) => {
      const line = '{"jsonrpc":"2.0","method":"log","params":{"level":"info","message":"x"}}\n';
      hands.write(line.repeat(5000));
      return SILENT;
    },
    /floods/,
  ],
};

describe.each(Object.entries(MISDEEDS))('a policy plugin that %s', (_name, [misdeed, message]) => {
  it('once costs at most its round, says so, and the migration ends well', async () => {
    let [plans, done] = [0, false];
    const { answer } = new Mirror('plain', {});
    const fake = fakePlugin((asked, hands) => {
      if (asked.method === 'policy/plan' && ++plans === 2) {
        done = true;
        return misdeed(answer(asked, hands) as { send: unknown; deferred: unknown }, hands, asked);
      }
      return answer(asked, hands);
    });
    const ran = await migrate(fake, CALM);
    expect(done).toBe(true);
    expect(ran.summary.outcome).toBe('completed');
    const [warning, ...more] = warningsOf(ran);
    expect(more).toEqual([]);
    expect(warning).toMatch(/^The plugin fake is at fault: /);
    expect(warning).toMatch(message);
    expect(warning).toMatch(/Round 0 goes on with the built-in policy cache\.$/);
  });

  it('always costs at most each of its rounds, and the migration ends well', async () => {
    const { answer } = new Mirror('plain', {});
    const fake = fakePlugin((asked, hands) =>
      asked.method === 'policy/plan'
        ? misdeed(answer(asked, hands) as { send: unknown; deferred: unknown }, hands, asked)
        : answer(asked, hands),
    );
    const ran = await migrate(fake, { ...BUSY, rate: 1, probe: false, maxRounds: 10 });
    expect(ran.error?.kind ?? 'not-converged').toBe('not-converged');
    const warnings = warningsOf(ran).filter((each) => each.includes('at fault'));
    expect(fake.starts).toBe(warnings.length);
    expect(warnings.length).toBeGreaterThan(0);
  });
});

describe('a policy plugin that is at fault in each round', () => {
  it('is asked once a round, given up after the third, and the built-in plans instead', async () => {
    const clock = new SimulatedClock();
    let plans = 0;
    const fake = fakePlugin(({ method }) =>
      method === 'policy/plan' && ++plans > 0 ? { send: [3, 1], deferred: [] } : undefined,
    );
    const parts = { start: fake.start, clock, logger: silentLogger, version: '1' };
    const warnings: string[] = [];
    const host = new PluginHost(DESCRIPTION, ['policy'], parts);
    const planner = new PluginPlanner(host, createPolicy('plain'));
    const { signal } = new AbortController();
    const history = new WriteHistory();
    await planner.begin(
      {
        ...{ run: 'r', history, geometry: { granularity: 512, size: 8 * 512 } },
        disk: { name: 'd', size: 8 * 512 },
        warn: (message) => void warnings.push(message),
      },
      signal,
    );
    const candidates = BlockSet.range(0, 3);
    for (let round = 0; round < 5; round++) {
      for (let batch = 0; batch < 2; batch++) {
        const now = clock.now();
        const known = { cache: undefined, history, sent: BlockSet.empty, dirtyExpireMs: undefined };
        const view = { candidates, now, round, batch, budgetBlocks: 8, ...known };
        expect((await planner.plan(view, signal)).send.equals(candidates)).toBe(true);
      }
      await clock.sleep(60_000);
    }
    await planner.close();
    expect([plans, fake.starts, warnings.length]).toEqual([3, 3, 3]);
    expect(warnings[1]).toBe(
      'The plugin fake is at fault: It sends block 3 that it was not offered (R12). Round 1 goes on with the built-in policy plain.',
    );
    expect(warnings[2]).toMatch(/ The migration goes on with the built-in policy plain\.$/);
  });
});

describe('a policy plugin that lies', () => {
  it.each([
    ['sends what it was not offered', 'R12'],
    ['puts off what it was not offered', 'R14'],
    ['puts off what it sends', 'R14'],
  ])('and %s is found out (%s)', async (what, requirement) => {
    const { answer } = new Mirror('plain', { reasons: REASONS });
    let plans = 0;
    const sent = { before: [] as unknown };
    const fake = fakePlugin((asked, hands) => {
      const plan = answer(asked, hands) as { send: number[] };
      if (asked.method !== 'policy/plan') return plan;
      const before = sent.before;
      sent.before = plan.send;
      if (++plans !== 2) return plan;
      const reason = 'written-often';
      if (what === 'sends what it was not offered') return { send: before, deferred: [] };
      const blocks = what === 'puts off what it sends' ? plan.send : before;
      return { send: plan.send, deferred: [{ reason, blocks }] };
    });
    const ran = await migrate(fake, CALM);
    expect(ran.summary.outcome).toBe('completed');
    expect(warningsOf(ran)).toEqual([expect.stringContaining(`(${requirement})`)]);
  });

  it('that can not be started leaves everything to the built-in policy', async () => {
    const fake = fakePlugin(({ method }, hands) => {
      if (method === 'initialize') hands.exit(127);
      return SILENT;
    });
    const own = await run(scenarioFor(BUSY));
    const ran = await migrate(fake);
    expect(warningsOf(ran)[0]).toMatch(/^The plugin fake is at fault: .* exit code 127\./);
    expect(plansOf(ran).map(({ send }) => send)).toEqual(plansOf(own).map(({ send }) => send));
  });

  it('and hangs is let go of when the migration is cancelled', async () => {
    const cancel = new AbortController();
    const fake = fakePlugin(({ method }) => {
      if (method !== 'policy/plan') return undefined;
      cancel.abort();
      return SILENT;
    });
    const scenario = scenarioFor(BUSY);
    const options = { ...scenario.options, plugin: DESCRIPTION };
    const plugins = { start: fake.start, version: '1' };
    const { summary } = await run({ ...scenario, options }, { plugins, signal: cancel.signal });
    expect(summary.outcome).toBe('cancelled');
    expect(fake.heard.map(({ method }) => method).slice(-2)).toEqual(['$/cancel', 'shutdown']);
  });
});
