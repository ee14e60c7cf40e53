/** Trials of a policy plugin: small disks, rounds to their ends, plan by plan (R10 to R19). */
import { ProtocolError, TimeoutError } from '../../base/errors.js';
import {
  BlockSet,
  BrokenPlan,
  checkPlan,
  decodeBlocks,
  encodeBlocks,
  ToldSets,
} from '../../engine/index.js';
import type { PluginSession, Touch } from '../../plugin/index.js';

/** A requirement that was broken, and how. */
export interface Broken {
  readonly requirement: string;
  readonly offence: string;
}

interface Situation {
  readonly blocks: number;
  readonly candidates: BlockSet;
  readonly budgetBlocks: number;
  /** What the guest touches in each batch. */
  readonly touched: BlockSet;
}

const GRANULARITY = 65_536;
/** A round of one of these disks takes fewer batches. */
const MOST_BATCHES = 200;

const SITUATIONS: readonly Situation[] = [
  {
    blocks: 64,
    candidates: BlockSet.range(0, 64),
    budgetBlocks: 7,
    touched: BlockSet.empty,
  },
  {
    blocks: 200_000,
    candidates: BlockSet.range(3, 500)
      .union(BlockSet.range(65_530, 12))
      .union(BlockSet.of(199_999)),
    budgetBlocks: 64,
    touched: BlockSet.range(10, 5).union(BlockSet.of(65_535, 65_536)),
  },
  { blocks: 8, candidates: BlockSet.empty, budgetBlocks: 1, touched: BlockSet.empty },
];

/** Begins a disk, begins another, and plans rounds of all; the first requirement that is broken. */
export async function tryPlans(session: PluginSession): Promise<Broken | undefined> {
  for (const situation of SITUATIONS) {
    const broken = await tryRound(session, situation);
    if (broken) return broken;
  }
  return undefined;
}

async function tryRound(
  session: PluginSession,
  { blocks, candidates, budgetBlocks, touched }: Situation,
): Promise<Broken | undefined> {
  const { channel, capabilities } = session;
  const { policy = {} } = capabilities;
  const size = blocks * GRANULARITY;
  const disk = { name: 'disk0', size };
  const begin = { run: 'check', disk, granularity: GRANULARITY, blocks };
  try {
    await channel.request('policy/begin', begin);
  } catch (error) {
    return { requirement: 'R10', offence: offenceOf(error) };
  }
  const told = new ToldSets(policy);
  const reasons = new Set((policy.reasons ?? []).map(({ name }) => name));
  let [rest, sent] = [candidates, BlockSet.empty];
  for (let batch = 0; batch < MOST_BATCHES; batch++) {
    const now = 1000 + batch * 2000;
    const touch: Touch = { at: now, kind: 'written', blocks: encodeBlocks(touched, false) };
    const cached = policy.usesCache ? touched : BlockSet.empty;
    try {
      const answer = await channel.request('policy/plan', {
        ...{ round: 0, batch, now, budgetBlocks, dirtyExpireMs: 30_000 },
        candidates: told.update('candidates', rest),
        sent: told.update('sent', sent),
        dirty: told.update('dirty', cached),
        writeback: told.update('writeback', BlockSet.empty),
        ...(policy.usesCache ? { cache: { at: now } } : {}),
        touches: touched.isEmpty ? [] : [touch],
      });
      const send = decodeBlocks(answer.send, blocks);
      const deferred = answer.deferred.map((each) => ({
        reason: each.reason,
        blocks: decodeBlocks(each.blocks, blocks),
      }));
      const plan = { send, deferred };
      if (rest.isEmpty) return checkEmpty(plan);
      checkPlan(plan, { candidates: rest, budgetBlocks, reasons });
      if (send.isEmpty) return undefined;
      sent = sent.union(send);
      rest = rest.difference(send);
    } catch (error) {
      return brokenBy(error);
    }
  }
  return { requirement: 'R16', offence: `A round of ${candidates.count} blocks has no end.` };
}

function checkEmpty(plan: Parameters<typeof checkPlan>[0]): Broken | undefined {
  if (plan.send.isEmpty && plan.deferred.every(({ blocks }) => blocks.isEmpty)) return undefined;
  return { requirement: 'R17', offence: 'Without candidates it sends or puts off blocks.' };
}

function brokenBy(error: unknown): Broken {
  if (error instanceof BrokenPlan)
    return { requirement: error.requirement, offence: error.message };
  return { requirement: 'R11', offence: offenceOf(error) };
}

/** R18. */
export async function tryConverged(session: PluginSession): Promise<string | undefined> {
  const round = { sentBytes: 10, resentBytes: 0, pendingBytes: 5, deferredBytes: 1 };
  const rounds = [{ ...round, undeferredBytes: 4, durationMs: 100 }];
  const rates = { bandwidth: 1e8, dirtyRate: 1e6, downtimeLimitMs: 300 };
  return answers(session.channel.request('policy/converged', { rounds, ...rates }));
}

/** R19. */
export async function tryExplain(session: PluginSession): Promise<string | undefined> {
  const broken = await tryPlans(session);
  if (broken) return broken.offence;
  return answers(session.channel.request('policy/explain', { block: 0 }));
}

/** What is wrong with an answer, if anything is. */
export async function answers(request: Promise<unknown>): Promise<string | undefined> {
  try {
    await request;
    return undefined;
  } catch (error) {
    return offenceOf(error);
  }
}

function offenceOf(error: unknown): string {
  if (error instanceof TimeoutError || error instanceof ProtocolError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
