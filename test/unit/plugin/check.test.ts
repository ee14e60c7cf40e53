/** `plugin check`: a sound plugin passes, and for each requirement there is one that fails it. */
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/logger.js';
import { checkPlugin, type Finding } from '../../../src/experiment/index.js';
import { processStarter, readManifest, type PolicyPlanParams } from '../../../src/plugin/index.js';
import type { BlockSet } from '../../../src/engine/index.js';
import { decodeRuns, encodeRuns } from '../../../src/engine/index.js';
import { SimulatedClock } from '../../../src/simulator/index.js';
import {
  DESCRIPTION,
  fakePlugin,
  GREETING,
  SILENT,
  type Fake,
  type FakeAnswer,
} from './fake-plugin.js';

const CAPABILITIES = {
  policy: { converged: true, explain: true, reasons: [{ name: 'late', text: 'It is.' }] },
};

const BOTH = { ...GREETING, roles: ['policy', 'observer'], capabilities: CAPABILITIES };

/** Sends in disk order. */
const sound: FakeAnswer = ({ method, params }) => {
  if (method === 'initialize') return BOTH;
  if (method === 'policy/converged') return { enough: true };
  if (method === 'policy/explain') return { text: 'So it is.' };
  if (method !== 'policy/plan') return undefined;
  return { send: encodeRuns(first(params as unknown as PolicyPlanParams)), deferred: [] };
};

function first({ candidates, budgetBlocks }: PolicyPlanParams): BlockSet {
  return decodeRuns(candidates.whole, { blocks: 2 ** 30 }).take(budgetBlocks);
}

function check(fake: Fake): Promise<readonly Finding[]> {
  const clock = new SimulatedClock();
  const parts = { start: fake.start, clock, logger: silentLogger, version: '1' };
  return checkPlugin(DESCRIPTION, parts);
}

const failed = (findings: readonly Finding[]) =>
  findings.filter(({ result }) => result === 'fail').map(({ requirement }) => requirement);

it('passes a sound plugin by every requirement of its roles', async () => {
  const findings = await check(fakePlugin(sound));
  expect(findings.map(({ requirement, result }) => `${requirement} ${result}`)).toEqual(
    'R1 R2 R3 R4 R5 R6 R7 R10 R11 R12 R13 R14 R15 R16 R17 R18 R19 R30 R31'
      .split(' ')
      .map((each) => `${each} pass`),
  );
});

it('says what it does not try', async () => {
  const roles = ['probe', 'workload', 'hypervisor'];
  const findings = await check(
    fakePlugin(({ method }) => (method === 'initialize' ? { ...GREETING, roles } : undefined)),
  );
  const untried = findings.filter(({ result }) => result === 'not tried');
  expect(untried.map(({ requirement }) => requirement)).toEqual(
    'R40 R41 R42 R43 R50 R51 R52 R60 R61 R62 R63 R64 R65'.split(' '),
  );
});

const plans = (make: (params: PolicyPlanParams, send: number[]) => unknown): FakeAnswer => {
  return (asked, hands) => {
    if (asked.method !== 'policy/plan') return sound(asked, hands);
    const params = asked.params as unknown as PolicyPlanParams;
    return make(params, encodeRuns(first(params)));
  };
};

const WRONG: Readonly<Record<string, readonly [FakeAnswer, string]>> = {
  'prints beside messages': [
    (asked, hands) => {
      if (asked.method === 'shutdown') hands.write('good bye\n');
      return sound(asked, hands);
    },
    'R1',
  ],
  'has no name': [
    (asked, hands) =>
      asked.method === 'initialize' ? { ...BOTH, plugin: {} } : sound(asked, hands),
    'R2',
  ],
  'minds unknown fields': [
    (asked, hands) => {
      if (asked.method === 'initialize' && 'x-unknown' in asked.params) throw new Error('what?');
      return sound(asked, hands);
    },
    'R3',
  ],
  'answers any method': [
    (asked, hands) => sound(asked, hands) ?? (asked.id === undefined ? undefined : {}),
    'R4',
  ],
  'answers twice': [
    (asked, hands) => {
      if (asked.method === 'shutdown')
        hands.write(`{"jsonrpc":"2.0","id":${String(asked.id)},"result":{}}\n`);
      return sound(asked, hands);
    },
    'R5',
  ],
  'answers notifications': [
    (asked, hands) => {
      if (asked.method === '$/cancel') hands.write('{"jsonrpc":"2.0","id":5,"result":{}}\n');
      return sound(asked, hands);
    },
    'R6',
  ],
  'ends badly': [
    (asked, hands) => {
      if (asked.method === 'shutdown') hands.exit(1);
      return sound(asked, hands);
    },
    'R7',
  ],
  'can not begin twice': [
    (() => {
      const begun = new Set<number>();
      const answer: FakeAnswer = (asked, hands) => {
        if (asked.method === 'policy/begin') {
          if (begun.has(hands.starts)) throw new Error('again?');
          begun.add(hands.starts);
        }
        return sound(asked, hands);
      };
      return answer;
    })(),
    'R10',
  ],
  'takes too long': [plans(() => SILENT), 'R11'],
  'sends a block past the disk': [plans(() => ({ send: [2 ** 30, 1], deferred: [] })), 'R11'],
  'sends what is no candidate': [
    plans(({ batch }, send) => ({ send: batch === 1 ? [0, 1] : send, deferred: [] })),
    'R12',
  ],
  'sends too much': [plans(({ candidates }) => ({ send: candidates.whole, deferred: [] })), 'R13'],
  'puts off what it sends': [
    plans((_params, send) => ({ send, deferred: [{ reason: 'late', blocks: send }] })),
    'R14',
  ],
  'names a reason of its own': [
    plans((_params, send) => ({ send: [], deferred: [{ reason: 'mood', blocks: send }] })),
    'R15',
  ],
  'sends nothing': [plans(() => ({ send: [], deferred: [] })), 'R16'],
  'sends what is not there': [
    plans(({ candidates }, send) => ({
      send: candidates.whole?.length === 0 ? [0, 1] : send,
      deferred: [],
    })),
    'R17',
  ],
  'is undecided': [
    (asked, hands) => (asked.method === 'policy/converged' ? {} : sound(asked, hands)),
    'R18',
  ],
  'has no words': [
    (asked, hands) => (asked.method === 'policy/explain' ? { text: 7 } : sound(asked, hands)),
    'R19',
  ],
  'answers events': [
    (asked, hands) => {
      if (asked.method === 'observer/event') hands.write('{"jsonrpc":"2.0","id":9,"result":{}}\n');
      return sound(asked, hands);
    },
    'R30',
  ],
  'asks for a pause': [
    (asked, hands) => {
      if (asked.method === 'observer/event')
        hands.write('{"jsonrpc":"2.0","id":1,"method":"host/pause","params":{"reason":"x"}}\n');
      return 'method' in asked ? sound(asked, hands) : SILENT;
    },
    'R31',
  ],
};

it.each(Object.entries(WRONG))('a plugin that %s fails', async (_what, [answer, requirement]) => {
  const findings = await check(fakePlugin(answer));
  expect(failed(findings)).toContain(requirement);
  const finding = findings.find((each) => each.requirement === requirement)!;
  expect(finding.reason).toBeTruthy();
  expect(finding.exchange.length).toBeGreaterThan(0);
});

it('passes the example in Python', async () => {
  const folder = resolve(import.meta.dirname, '../../../examples/python-policy');
  const start = processStarter(process.env);
  const parts = { start, clock: systemClock, logger: silentLogger, version: '1' };
  expect(failed(await checkPlugin(await readManifest(folder), parts))).toEqual([]);
});
