/**
 * What a guardian does: it watches over a lease, and resumes the guest once the lease is lost. Time,
 * journal, monitors and the engine's process come from outside (world.ts).
 */
import type { Clock } from '../../base/clock.js';
import { CancelledError, ConnectError, TimeoutError, messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { RunState } from '../../hypervisor/types.js';
import type { GuardianAct, JournalRecord, SwitchoverScope } from '../runs/types.js';
import type { FromGuardian, ToGuardian } from './messages.js';
import { resumeOwed } from './resume-owed.js';

/** The guest, over a monitor that is ours for the moment. */
export interface ReachedGuest {
  runState(): Promise<RunState>;
  resume(): Promise<void>;
  close(): Promise<void>;
}

export interface GuardianWorld {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Says something to the engine, if it hears. */
  tell(message: FromGuardian): void;
  readJournal(): Promise<readonly JournalRecord[]>;
  appendJournal(act: GuardianAct): Promise<void>;
  /** Absent where the guest has no second monitor. Errors as `connectQemu`. */
  readonly reachBySecond: (() => Promise<ReachedGuest>) | undefined;
  /** By the monitor that the engine has; busy as long as it has it. Errors as `connectQemu`. */
  reachByShared(): Promise<ReachedGuest>;
  /** Whether nobody listening at a monitor's address means that QEMU is gone; else it may be the network. */
  readonly local: boolean;
  readonly engine: {
    lives(): Promise<boolean>;
    /** Whether it is certain which process it is, so that it may be ended. */
    readonly known: boolean;
    /** Ends it at once. */
    kill(): Promise<void>;
    /** Whether another process has taken its run over, with guardians of its own. */
    isReplaced(records: readonly JournalRecord[]): boolean;
  };
}

export interface GuardianOptions {
  /** In milliseconds. */
  readonly leaseMs: number;
  readonly scope: SwitchoverScope;
}

/** Before a lease is called lost, what has come in meanwhile is read, for so many milliseconds. */
const GRACE_MS = 50;
/** Between two attempts, in milliseconds; doubled each time, up to the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** How often nobody may listen before QEMU is taken for gone. */
const MOST_REFUSALS = 3;
/** How long a guest is tried that can't be reached, in milliseconds. */
const GIVE_UP_MS = 24 * 60 * 60 * 1000;
/** How long a `stop` that the engine sent before it died may take to be executed, in milliseconds. */
const SETTLE_MS = 3000;
/** How long the journal's disk may keep the guest waiting, and the guardian from ending, in milliseconds. */
const JOURNAL_MS = 1000;
const NOTES_MS = 10_000;
/** Between two looks at a guest that runs while a `stop` may still come, in milliseconds. */
const LOOK_MS = 250;

export class Guardian {
  #state: 'idle' | 'held' | 'lost' | 'done' = 'idle';
  #renewedAt = 0;
  #inputEnded = false;
  #lostBecause = '';
  /** How often in a row nobody listened at the monitor. */
  #refusals = 0;
  readonly #end = new AbortController();
  /** What is being written to the journal. */
  #notes: Promise<void> = Promise.resolve();
  #resolveDone: () => void = () => undefined;
  /** Resolves when there is nothing left to do. Never rejects. */
  readonly done: Promise<void>;

  constructor(
    private readonly world: GuardianWorld,
    private readonly options: GuardianOptions,
  ) {
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve;
    });
  }

  /** Takes what the engine says. */
  receive(message: Exclude<ToGuardian, { type: 'begin' }>): void {
    if (message.type === 'release') {
      this.#finish();
    } else if (this.#state === 'lost') {
      this.world.tell({ type: 'lost', message: this.#lostBecause });
    } else if (this.#state !== 'done') {
      this.#renewedAt = this.world.clock.now();
      if (this.#state === 'idle') void this.#watch();
      this.world.tell({ type: 'held', number: message.number });
    }
  }

  /** The engine says nothing any more. */
  inputEnded(): void {
    this.#inputEnded = true;
    if (this.#state === 'held')
      this.#lose('The engine process ended without giving the lease back.');
    else if (this.#state === 'idle') this.#finish();
  }

  async #watch(): Promise<void> {
    const { clock } = this.world;
    const { leaseMs } = this.options;
    this.#state = 'held';
    while (this.#held) {
      const seen = this.#renewedAt;
      const left = seen + leaseMs - clock.now();
      await this.#sleep(left > 0 ? left : GRACE_MS).catch(() => undefined);
      if (left <= 0 && this.#renewedAt === seen)
        this.#lose(`The engine process did not renew the lease for ${leaseMs / 1000} s.`);
    }
  }

  get #held(): boolean {
    return this.#state === 'held';
  }

  #lose(because: string): void {
    if (!this.#held) return;
    this.#state = 'lost';
    this.#lostBecause = because;
    this.world.tell({ type: 'lost', message: because });
    this.#act().then(
      () => this.#finish(),
      (error: unknown) => {
        if (!(error instanceof CancelledError))
          this.world.logger.log('error', `The guardian failed: ${messageOf(error)}`);
        this.#finish();
      },
    );
  }

  #finish(): void {
    this.#state = 'done';
    this.#end.abort();
    void this.#within(NOTES_MS, this.#notes)
      .catch(() => undefined)
      .then(this.#resolveDone);
  }

  async #act(): Promise<void> {
    const { world } = this;
    this.#note('lost', this.#lostBecause);
    const began = world.clock.now();
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        await this.#watchGuest();
        return;
      } catch (error) {
        this.#end.signal.throwIfAborted();
        world.logger.log('warn', `The guest is not resumed yet: ${messageOf(error)}`);
        this.#refusals = isRefusal(error) ? this.#refusals + 1 : 0;
        const gone = world.local && this.#refusals >= MOST_REFUSALS;
        const late = world.clock.now() - began > GIVE_UP_MS;
        if (gone) this.#note('left', `Its QEMU is gone: ${messageOf(error)}`);
        else if (late) this.#note('gave-up', `The guest can't be reached: ${messageOf(error)}`);
        if (gone || late) return;
      }
      await this.#sleep(pause);
    }
  }

  /** Whether no resume is owed any more; then that is noted. */
  async #isSettled(): Promise<boolean> {
    const why = await this.#whySettled();
    if (why !== undefined) this.#note('left', why);
    return why !== undefined;
  }

  /**
   * Why no resume is owed, by the journal, to which another guardian may have written that it resumed
   * the guest. Where it can't be read, that the lease was held says enough for a disk.
   */
  async #whySettled(): Promise<string | undefined> {
    try {
      const records = await this.#within(JOURNAL_MS, this.world.readJournal());
      if (this.world.engine.isReplaced(records)) return 'Another process goes on with the run.';
      const { owed, reason } = resumeOwed(records);
      return owed ? undefined : reason;
    } catch (error) {
      const owed = this.options.scope === 'disk';
      const what = owed ? 'it is resumed because the lease was held' : 'it is left as it is';
      const message = `Whether the guest is owed a resume can't be read, so ${what}: ${messageOf(error)}`;
      this.world.logger.log('warn', message);
      return owed ? undefined : message;
    }
  }

  /** By the second monitor, else by the engine's, which an engine that does not answer is made to give up. */
  async #reach(): Promise<ReachedGuest> {
    const { world } = this;
    if (world.reachBySecond) {
      try {
        return await world.reachBySecond();
      } catch (error) {
        world.logger.log('warn', `The second monitor does not serve: ${messageOf(error)}`);
      }
    }
    if (!this.#inputEnded) await this.#fence();
    try {
      return await world.reachByShared();
    } catch (error) {
      if (error instanceof ConnectError && error.kind === 'monitor-busy') await this.#fence();
      throw error;
    }
  }

  /** Ends an engine that holds the only monitor and does not renew its lease. */
  async #fence(): Promise<void> {
    const { engine } = this.world;
    this.#end.signal.throwIfAborted();
    if (!engine.known || !(await engine.lives())) return;
    if ((await this.#whySettled()) !== undefined) return;
    this.#note('fenced', 'The engine process holds the monitor and does not answer: it is ended.');
    await engine.kill();
  }

  /**
   * Looks at the guest until nothing is left to do. The monitor is let go of between two looks, since
   * the other guardian needs it as well. Errors as the monitor's.
   */
  async #watchGuest(): Promise<void> {
    const { clock, engine } = this.world;
    let until = clock.now() + SETTLE_MS;
    while (!(await this.#isSettled())) {
      const guest = await this.#reach();
      this.#refusals = 0;
      try {
        if (await this.#resume(guest)) return;
      } finally {
        await guest.close().catch(() => undefined);
      }
      if (await engine.lives()) until = clock.now() + SETTLE_MS;
      if (clock.now() >= until) {
        this.#note('left', 'The guest runs.');
        return;
      }
      await this.#sleep(LOOK_MS);
    }
  }

  /** @returns whether nothing is left to do; a guest that runs may be stopped yet. Errors as the monitor's. */
  async #resume(guest: ReachedGuest): Promise<boolean> {
    this.#end.signal.throwIfAborted();
    const { running, status } = await guest.runState();
    if (running) return false;
    if (status === 'paused') return this.#resumePaused(guest);
    this.#note('left', `The guest is in the state "${status}", which no pause of the run is.`);
    return true;
  }

  async #resumePaused(guest: ReachedGuest): Promise<boolean> {
    await guest.resume();
    const { running, status } = await guest.runState();
    if (!running) throw new Error(`It was resumed, and is in the state "${status}".`);
    this.#note('resumed', 'The guest was paused, and runs again.');
    return true;
  }

  /** Nobody waits for the journal's disk while the guest stands. */
  #note(act: GuardianAct['act'], message: string): void {
    const { logger } = this.world;
    logger.log('info', `${act}: ${message}`);
    this.#notes = this.#notes.then(async () => {
      try {
        await this.world.appendJournal({ type: 'guardian', act, message });
      } catch (error) {
        logger.log('warn', `The journal does not say "${act}": ${messageOf(error)}`);
      }
    });
  }

  /** @throws TimeoutError when it takes longer. */
  async #within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
    const timer = new AbortController();
    const late = this.world.clock.sleep(milliseconds, timer.signal).then(() => {
      throw new TimeoutError(`It took longer than ${milliseconds / 1000} s.`);
    });
    late.catch(() => undefined);
    try {
      return await Promise.race([promise, late]);
    } finally {
      timer.abort();
    }
  }

  /** @throws CancelledError when there is nothing to do any more. */
  #sleep(milliseconds: number): Promise<void> {
    return this.world.clock.sleep(milliseconds, this.#end.signal);
  }
}

/** Whether nobody listens there. */
function isRefusal(error: unknown): boolean {
  return error instanceof ConnectError && error.kind === 'connect';
}
