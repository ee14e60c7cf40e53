/** Whether a plan that somebody else made is one (protocol/SPEC.md, R12 to R17): pure. */
import { PluginError } from '../../base/errors.js';
import type { BlockSet } from '../blockset/index.js';
import type { Plan } from './types.js';

/** What a plan was asked for. */
export interface PlanRequest {
  readonly candidates: BlockSet;
  readonly budgetBlocks: number;
  /** Names of reasons that were declared. */
  readonly reasons: ReadonlySet<string>;
}

/** A requirement that a plan breaks, by its number in protocol/SPEC.md. */
export class BrokenPlan extends PluginError {
  constructor(
    readonly requirement: string,
    message: string,
  ) {
    super(`${message} (${requirement}).`);
  }
}

/** @throws BrokenPlan for the first requirement that it does not meet. */
export function checkPlan(plan: Plan, { candidates, budgetBlocks, reasons }: PlanRequest): void {
  const { send, deferred } = plan;
  const foreign = send.difference(candidates);
  if (!foreign.isEmpty)
    throw new BrokenPlan('R12', `It sends ${few(foreign)} that it was not offered`);
  if (send.count > budgetBlocks)
    throw new BrokenPlan('R13', `It sends ${send.count} blocks, and the budget is ${budgetBlocks}`);
  let taken = send;
  const named = new Set<string>();
  for (const { reason, blocks } of deferred) {
    if (!reasons.has(reason) || named.has(reason))
      throw new BrokenPlan(
        'R15',
        `It names the reason '${reason.slice(0, 64)}' ${why(named, reason)}`,
      );
    named.add(reason);
    const offered = blocks.difference(candidates);
    if (!offered.isEmpty)
      throw new BrokenPlan('R14', `It puts off ${few(offered)} that it was not offered`);
    if (blocks.intersects(taken))
      throw new BrokenPlan(
        'R14',
        `It puts off ${few(blocks.intersection(taken))} twice or sends it too`,
      );
    taken = taken.union(blocks);
  }
  if (send.isEmpty && taken.count < candidates.count)
    throw new BrokenPlan('R16', 'It sends nothing, and does not put off every candidate');
}

function why(named: ReadonlySet<string>, reason: string): string {
  return named.has(reason) ? 'twice' : 'that it did not declare';
}

function few(blocks: BlockSet): string {
  const { first = 0 } = blocks;
  return blocks.count === 1 ? `block ${first}` : `${blocks.count} blocks, the first ${first},`;
}
