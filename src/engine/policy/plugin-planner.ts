/**
 * A plugin as the policy. Whatever it does wrong costs it its round: a built-in policy makes the plans
 * until the next one begins, and the person is told.
 *
 *   asked → (fault) → sits out → (next round) → asked …
 */
import { throwIfCancelled } from '../../base/cancel.js';
import { MigrascopeError, messageOf } from '../../base/errors.js';
import type {
  PluginHost,
  PluginSession,
  PolicyCapabilities,
  PolicyPlanParams,
  Touch,
} from '../../plugin/index.js';
import { BlockSet, blockCount } from '../blockset/index.js';
import { checkPlan } from './check-plan.js';
import { roundsStillHelp, type Outlook, type RoundFigures } from './convergence.js';
import type { PlanContext, Planner } from './planner.js';
import { decodeBlocks, encodeBlocks, ToldSets } from './plugin-sets.js';
import type { Plan, PlanView, Policy } from './types.js';

/** Has `work` done while a simulated clock stands; on a real one, just does it. */
export type Around = <T>(work: () => Promise<T>) => Promise<T>;

export class PluginPlanner implements Planner {
  #context: PlanContext | undefined;
  #round = -1;
  #sitsOut = false;
  #told: ToldSets | undefined;
  /** What the guest touched since the newest plan; undefined where the plugin is to be told all. */
  #touches: Touch[] | undefined;
  #unlisten: () => void = () => undefined;

  constructor(
    private readonly host: PluginHost,
    private readonly builtIn: Policy,
    private readonly around: Around = (work) => work(),
  ) {}

  get usesCache(): boolean {
    const { session } = this.host;
    return this.#sitsOut || !session || this.#capabilities(session).usesCache === true;
  }

  async begin(context: PlanContext, signal: AbortSignal): Promise<void> {
    this.#context = context;
    this.#unlisten = context.history.listen((blocks, at, kind) => {
      const session = this.host.session;
      const compact = session !== undefined && this.#capabilities(session).compact === true;
      this.#touches?.push({ at, kind, blocks: encodeBlocks(blocks, compact) });
    });
    try {
      await this.around(() => this.#ready(signal));
    } catch (error) {
      throwIfCancelled(signal, 'Starting the policy');
      this.#fault(error);
    }
  }

  async plan(view: PlanView, signal: AbortSignal): Promise<Plan> {
    if (view.round !== this.#round) {
      this.#round = view.round;
      this.#sitsOut = false;
      await this.around(() => this.host.reloadIfChanged());
    }
    if (this.#sitsOut || this.host.resting) return this.builtIn.plan(view);
    try {
      return await this.around(() => this.#ask(view, signal));
    } catch (error) {
      throwIfCancelled(signal, 'Planning');
      this.#fault(error);
      return this.builtIn.plan(view);
    }
  }

  async anotherRoundHelps(
    rounds: readonly RoundFigures[],
    outlook: Outlook,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { session } = this.host;
    if (this.#sitsOut || !session || this.#capabilities(session).converged !== true)
      return roundsStillHelp(rounds);
    const { bandwidth, dirtyRate, downtimeLimitMs } = outlook;
    const params = { rounds: [...rounds], bandwidth, dirtyRate, downtimeLimitMs };
    try {
      const asked = () => session.channel.request('policy/converged', params, signal);
      return !(await this.around(asked)).enough;
    } catch (error) {
      throwIfCancelled(signal, 'Asking whether another round helps');
      this.#fault(error);
      return roundsStillHelp(rounds);
    }
  }

  async close(): Promise<void> {
    this.#unlisten();
    await this.around(() => this.host.close());
  }

  #capabilities(session: PluginSession): PolicyCapabilities {
    return session.capabilities.policy ?? {};
  }

  async #ask(view: PlanView, signal: AbortSignal): Promise<Plan> {
    const session = await this.#ready(signal);
    const params = this.#paramsOf(view, session);
    const answer = await session.channel.request('policy/plan', params, signal);
    const blocks = blockCount(this.#open.geometry);
    const plan = {
      send: decodeBlocks(answer.send, blocks),
      deferred: answer.deferred.map((each) => ({
        reason: each.reason,
        blocks: decodeBlocks(each.blocks, blocks),
      })),
    };
    const reasons = new Set((this.#capabilities(session).reasons ?? []).map(({ name }) => name));
    checkPlan(plan, { ...view, reasons });
    return { ...plan, deferred: plan.deferred.filter((each) => !each.blocks.isEmpty) };
  }

  #ready(signal: AbortSignal): Promise<PluginSession> {
    return this.host.ready(signal, (started) => this.#greet(started, signal));
  }

  async #greet(session: PluginSession, signal: AbortSignal): Promise<void> {
    const { run, disk, geometry, history } = this.#open;
    const { granularity } = geometry;
    const blocks = blockCount(geometry);
    await session.channel.request('policy/begin', { run, disk, granularity, blocks }, signal);
    const capabilities = this.#capabilities(session);
    this.#told = new ToldSets(capabilities);
    this.#touches = [];
    history.recall((set, at, kind) =>
      this.#touches?.push({ at, kind, blocks: encodeBlocks(set, capabilities.compact === true) }),
    );
  }

  #paramsOf(view: PlanView, session: PluginSession): PolicyPlanParams {
    const told = this.#told!;
    const cache = this.#capabilities(session).usesCache ? view.cache : undefined;
    const touches = this.#touches ?? [];
    this.#touches = [];
    return {
      round: view.round,
      batch: Math.max(0, view.batch),
      now: view.now,
      budgetBlocks: view.budgetBlocks,
      ...(view.dirtyExpireMs === undefined ? {} : { dirtyExpireMs: view.dirtyExpireMs }),
      candidates: told.update('candidates', view.candidates),
      sent: told.update('sent', view.sent),
      dirty: told.update('dirty', cache?.dirty ?? BlockSet.empty),
      writeback: told.update('writeback', cache?.writeback ?? BlockSet.empty),
      ...(cache ? { cache: { at: cache.at } } : {}),
      touches,
    };
  }

  #fault(error: unknown): void {
    this.#sitsOut = true;
    this.#touches = undefined;
    this.host.fault();
    const { name, givenUp, description } = this.host;
    const round = `Round ${Math.max(0, this.#round)} goes`;
    const until = givenUp ? 'The migration goes' : round;
    this.#open.warn(
      `The plugin ${name} is at fault: ${messageOf(error)} ${until} on with the built-in policy ${this.builtIn.name}.`,
      error instanceof MigrascopeError && error.hint !== undefined
        ? error.hint
        : `\`migrascope plugin check -- ${description.command.join(' ')}\` tells what it does wrong.`,
    );
  }

  get #open(): PlanContext {
    if (!this.#context) throw new Error('The planner has not begun.');
    return this.#context;
  }
}
