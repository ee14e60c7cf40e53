/** A run of the simulated lab as its processes: the engine, its two guardians and a controller. */
import { silentLogger } from '../../../src/base/logger.js';
import { GuardianLease } from '../../../src/engine/guardian/lease.js';
import { PairedLease } from '../../../src/engine/guardian/pair.js';
import {
  continueRun,
  ControlClient,
  ControlServer,
  migrate,
  Steering,
  type Continuation,
  type MigrationEvent,
  type MigrationOptions,
  type MigrationResult,
  type RecoverParts,
  type RunEnd,
} from '../../../src/engine/index.js';
import type { Laboratory } from '../../../src/experiment/index.js';
import { createPipe } from '../../../src/simulator/network/pipe.js';
import { RunRecord } from './run-record.js';
import { guardianTask, startGuardian, type GuardianSetting } from './simulated-guardian.js';
import { SimulatedProcess } from './simulated-process.js';

export interface RunSetting {
  readonly laboratory: Laboratory;
  readonly options: MigrationOptions;
  /** Whether the guest has a second monitor that the guardian may use. */
  readonly two: boolean;
  /** Is told of each event as it happens. */
  readonly onEvent?: (event: MigrationEvent, run: SimulatedRun) => void;
}

export class SimulatedRun {
  readonly engine: SimulatedProcess;
  readonly controller: SimulatedProcess;
  readonly guardians: SimulatedProcess[] = [];
  /** How it ended; undefined when its engine died. */
  readonly over: Promise<MigrationResult | undefined>;
  /** What the controller heard of its end; an error where the engine went away. */
  readonly told: Promise<RunEnd | Error | undefined>;

  private constructor(
    readonly setting: RunSetting,
    readonly record: RunRecord,
    engine: SimulatedProcess,
    continuation: Continuation | undefined,
  ) {
    const { clock } = setting.laboratory.options;
    this.engine = engine;
    this.controller = new SimulatedProcess(clock);
    record.events.reopen();
    const steering = new Steering({ held: true, onLimit: 'pause-anyway' });
    const server = new ControlServer({
      ...{ run: record.run, version: '0', steering, events: record.events, clock: engine.clock },
    });
    const [mine, its] = createPipe();
    server.accept(engine.own(its));
    this.told = this.#control(new ControlClient(record.run, this.controller.own(mine), DEAF));
    this.over = new Promise((resolve, reject) => {
      this.#migrate(steering, server, continuation).then((result) => {
        resolve(result);
        engine.kill();
      }, reject);
      engine.onDeath(() => resolve(undefined));
    });
  }

  static async begin(run: string, setting: RunSetting): Promise<SimulatedRun> {
    const record = new RunRecord(run);
    const engine = new SimulatedProcess(setting.laboratory.options.clock);
    const { options } = setting;
    const facts = { run, version: '0', host: 'simulated', process: engine.identity, options };
    await record.append(engine, { type: 'begin', ...facts });
    return new SimulatedRun(setting, record, engine, undefined);
  }

  /** Goes on with this run, whose engine is dead, in another process. @throws HypervisorError when it can't be. */
  async resume(): Promise<SimulatedRun> {
    const { record, setting } = this;
    const engine = new SimulatedProcess(setting.laboratory.options.clock);
    const facts = { version: '0', process: engine.identity };
    await record.append(engine, { type: 'taken-over', ...facts });
    const parts: RecoverParts = {
      ...recoverParts(this, engine),
      status: ({ run }) => Promise.resolve({ run, state: 'dead', reason: 'It was taken over.' }),
    };
    const journal = record.journalFor(engine);
    const { signal } = new AbortController();
    const { continuation } = await continueRun(record.folder, parts, {
      ...{ journal, agoMs: 1000, signal },
    });
    return new SimulatedRun(setting, record, engine, continuation);
  }

  async #control(client: ControlClient): Promise<RunEnd | Error | undefined> {
    try {
      await client.attach('a test');
      await client.tell({ command: 'run' });
      return await client.ended();
    } catch (error) {
      return error as Error;
    }
  }

  async #migrate(
    steering: Steering,
    server: ControlServer,
    continuation: Continuation | undefined,
  ): Promise<MigrationResult> {
    const { engine, record, setting } = this;
    const { laboratory, options, onEvent } = setting;
    const { clock } = engine;
    const journal = record.journalFor(engine);
    const visitor = { clock, journal, own: engine.own.bind(engine) };
    const result = await migrate(options, {
      ...laboratory.connections(visitor),
      ...{ clock, journal, logger: silentLogger, lease: this.#lease() },
      gate: steering.gate,
      onBegin: steering.begin,
      decide: steering.decide,
      signal: steering.signal,
      sink: (event) => {
        if (!engine.lives) return;
        record.events.append(event);
        onEvent?.(event, this);
      },
      run: record.run,
      startedAt: new Date(0),
      ...(continuation ? { continuation } : {}),
    });
    await engine.answer(server.end(result));
    return result;
  }

  #lease(): PairedLease {
    const { engine, record, setting, guardians } = this;
    const { clock } = engine;
    const onStart = (process: SimulatedProcess) => void guardians.push(process);
    const its: GuardianSetting = { ...setting, record, engine, onStart };
    const start = () => startGuardian(its);
    const task = guardianTask(its);
    const single = () => new GuardianLease({ clock, logger: silentLogger, task, start });
    return new PairedLease([single(), single()], silentLogger);
  }
}

const DEAF = { event: () => undefined, log: () => undefined };

/** How a process recovers a run of the simulated lab. */
export function recoverParts(
  { record, engine: owner, setting: { laboratory } }: SimulatedRun,
  process: SimulatedProcess,
): RecoverParts {
  const { clock } = process;
  const { files } = laboratory.host;
  return {
    clock,
    logger: silentLogger,
    today: () => new Date(clock.now()),
    machine: {
      leftovers: () => Promise.resolve([]),
      removeLeftovers: () => Promise.resolve([]),
      lookAtImage: ({ path }) =>
        Promise.resolve(files.get(path) ? { state: 'made', bytes: 0 } : { state: 'gone' }),
      deleteImage: ({ path }) =>
        new Promise((resolve) =>
          process.act(() => {
            files.unlink(path);
            resolve();
          }),
        ),
    },
    reach: async (_, journal, signal) => {
      const visitor = { clock, journal, own: process.own.bind(process) };
      return {
        state: 'reached',
        hypervisor: await laboratory.connectHypervisor(signal, visitor),
      };
    },
    isLocal: () => Promise.resolve(true),
    status: ({ run }) => {
      const state = record.hasEnded ? 'ended' : owner.lives ? 'running' : 'dead';
      return Promise.resolve({ run, state, reason: `It is ${state}.` });
    },
    readJournal: () => process.answer(Promise.resolve(record.journal)),
    readEvents: () => Promise.resolve().then(() => record.replay()),
    appendJournal: (_, entry) => record.append(process, entry),
  };
}
