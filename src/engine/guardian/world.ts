/** What a guardian really works with: the journal's file, QEMU's monitors, the engine's process. */
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import { connectQemu, formatAddress } from '../../hypervisor/index.js';
import type { HostAddress, HostChange } from '../../hypervisor/index.js';
import {
  appendToJournal,
  isSameProcess,
  processLives,
  readJournal,
  type JournalEntry,
} from '../runs/index.js';
import type { GuardianWorld, ReachedGuest } from './guardian.js';
import type { FromGuardian, GuardianTask } from './messages.js';

/** How long an engine that was ended may take to be gone, in milliseconds. */
const KILL_MS = 5000;

export interface WorldOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Wall-clock time. */
  readonly today: () => Date;
  readonly tell: (message: FromGuardian) => void;
}

export function guardianWorld(task: GuardianTask, options: WorldOptions): GuardianWorld {
  const { clock, logger, today, tell } = options;
  const { address, second, engine } = task;
  let turn = Promise.resolve();
  const append = (entry: JournalEntry): Promise<void> => {
    const appended = turn.then(() => appendToJournal(task.journal, entry, { clock, today }));
    turn = appended.catch(() => undefined);
    return appended;
  };
  const reach = (to: HostAddress) => reachGuest(task, to, options, append);
  return {
    clock,
    logger,
    tell,
    readJournal: () => readJournal(task.journal),
    appendJournal: append,
    reachBySecond: second && (() => reach(second)),
    reachByShared: () => reach(address),
    local: address.type === 'unix',
    engine: {
      lives: async () => (await processLives(engine)) !== 'dead',
      known: engine.startTime !== undefined,
      kill: () => killEngine(task, clock),
      isReplaced: (records) => {
        const owner = records.findLast((record) => record.type === 'taken-over')?.process;
        return owner !== undefined && !isSameProcess(owner, engine);
      },
    },
  };
}

/** @returns why the second monitor does not serve, as a sentence; nothing when it does. Changes nothing. */
export async function lookAtSecond(world: GuardianWorld): Promise<string | undefined> {
  if (!world.reachBySecond) return undefined;
  try {
    const guest = await world.reachBySecond();
    await guest.runState();
    await guest.close();
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `The guardian's own monitor does not serve: ${why}`;
  }
}

/** The journal is told of `cont`, but nobody waits for its disk. */
async function reachGuest(
  task: GuardianTask,
  address: HostAddress,
  { clock, logger }: WorldOptions,
  append: (entry: JournalEntry) => Promise<void>,
): Promise<ReachedGuest> {
  const host = { name: `${task.name} by ${formatAddress(address)}`, address, warnings: [] };
  const record = (change: HostChange): Promise<void> => {
    append({ type: 'change', ...change, run: task.run }).catch(() => undefined);
    return Promise.resolve();
  };
  const hypervisor = await connectQemu(host, { clock, logger, journal: { record } });
  return {
    runState: () => hypervisor.runState(AbortSignal.timeout(KILL_MS)),
    resume: () => hypervisor.resume(AbortSignal.timeout(KILL_MS)),
    close: () => hypervisor.close(),
  };
}

async function killEngine({ engine }: GuardianTask, clock: Clock): Promise<void> {
  if ((await processLives(engine)) !== 'alive') return;
  process.kill(engine.pid, 'SIGKILL');
  const until = clock.now() + KILL_MS;
  while (clock.now() < until && (await processLives(engine)) === 'alive') await clock.sleep(20);
}
