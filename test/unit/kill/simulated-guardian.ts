/** A guardian of the simulated lab, in a process of its own, and the engine's wire to it. */
import { Guardian, type ReachedGuest } from '../../../src/engine/guardian/guardian.js';
import type { GuardianLink } from '../../../src/engine/guardian/lease.js';
import type { FromGuardian, GuardianTask } from '../../../src/engine/guardian/messages.js';
import { lookAtSecond } from '../../../src/engine/guardian/world.js';
import { isSameProcess, LEASE_MS } from '../../../src/engine/index.js';
import type { Laboratory } from '../../../src/experiment/index.js';
import { silentLogger } from '../../../src/base/logger.js';
import type { RunRecord } from './run-record.js';
import { SimulatedProcess } from './simulated-process.js';

/** How long a process takes to start, in milliseconds. */
const START_MS = 100;

export interface GuardianSetting {
  readonly laboratory: Laboratory;
  readonly record: RunRecord;
  readonly engine: SimulatedProcess;
  /** Whether the guest has a second monitor that it may use. */
  readonly two: boolean;
  /** Is given its process. */
  readonly onStart: (process: SimulatedProcess) => void;
}

export function guardianTask({ record, engine }: GuardianSetting): GuardianTask {
  return {
    run: record.run,
    journal: record.folder.journal,
    name: 'simulated',
    address: { type: 'unix', path: '/simulated/qmp' },
    engine: engine.identity,
    leaseMs: LEASE_MS,
    scope: 'disk',
  };
}

export async function startGuardian(setting: GuardianSetting): Promise<GuardianLink> {
  const { laboratory, engine } = setting;
  const { clock } = laboratory.options;
  await engine.clock.sleep(START_MS);
  const process = new SimulatedProcess(clock);
  setting.onStart(process);
  let guardian: Guardian | undefined;
  let hear: (message: FromGuardian) => void = () => undefined;
  const tell = (message: FromGuardian) =>
    process.act(() => queueMicrotask(() => engine.receive(() => hear(message))));
  const inputEnds = () =>
    process.receive(() => (guardian ? guardian.inputEnded() : process.kill()));
  engine.onDeath(() => queueMicrotask(inputEnds));
  const begin = async (task: GuardianTask) => {
    const world = worldOf(setting, process, tell);
    guardian = new Guardian(world, task);
    void guardian.done.then(() => process.receive(() => process.kill()));
    const warning = await lookAtSecond(world);
    const by = world.reachBySecond && warning === undefined ? 'second' : 'shared';
    tell({ type: 'ready', by, ...(warning === undefined ? {} : { warning }) });
  };
  return {
    send: (message) =>
      engine.act(() =>
        queueMicrotask(() =>
          process.receive(() => {
            if (message.type === 'begin') void begin(message.task);
            else guardian?.receive(message);
          }),
        ),
      ),
    onMessage: (listener) => (hear = listener),
    onClosed: (listener) =>
      process.onDeath(() => queueMicrotask(() => engine.receive(() => listener('ended', true)))),
    close: () => engine.act(() => queueMicrotask(inputEnds)),
  };
}

function worldOf(
  { laboratory, record, engine, two }: GuardianSetting,
  process: SimulatedProcess,
  tell: (message: FromGuardian) => void,
) {
  const { clock } = process;
  const reach = async (monitor: 'first' | 'second'): Promise<ReachedGuest> => {
    const journal = {
      record: (change: Parameters<ReturnType<RunRecord['journalFor']>['record']>[0]) => {
        void record.append(process, { type: 'change', ...change });
        return Promise.resolve();
      },
    };
    const { signal } = new AbortController();
    const visitor = { clock, journal, own: process.own.bind(process) };
    const hypervisor = await laboratory.connectHypervisor(signal, visitor, monitor);
    return {
      runState: () => hypervisor.runState(),
      resume: () => hypervisor.resume(),
      close: () => hypervisor.close(),
    };
  };
  return {
    clock,
    logger: silentLogger,
    tell,
    readJournal: () => process.answer(Promise.resolve(record.journal)),
    appendJournal: (act: Parameters<RunRecord['append']>[1]) => record.append(process, act),
    reachBySecond: two ? () => reach('second') : undefined,
    reachByShared: () => reach('first'),
    local: true,
    engine: {
      lives: () => Promise.resolve(engine.lives),
      known: true,
      kill: () => {
        process.act(() => engine.kill());
        return Promise.resolve();
      },
      isReplaced: (records: RunRecord['journal']) => {
        const owner = records.findLast((each) => each.type === 'taken-over')?.process;
        return owner !== undefined && !isSameProcess(owner, engine.identity);
      },
    },
  };
}
