/** A guest, its monitors, its journal and an engine process, on virtual time, for a guardian. */
import { ConnectError, MonitorBusyError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import type { GuardianWorld, ReachedGuest } from '../../../src/engine/guardian/guardian.js';
import type { FromGuardian } from '../../../src/engine/guardian/messages.js';
import type { GuardianAct, JournalRecord, Milestone } from '../../../src/engine/runs/index.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';

export const PAUSED: Milestone[] = [
  { type: 'tracking' },
  { type: 'pausing', before: { running: true, status: 'running' } },
  { type: 'paused' },
];

export class FakeWorld implements GuardianWorld {
  readonly clock = new SimulatedClock();
  readonly logger = silentLogger;
  readonly told: FromGuardian[] = [];
  readonly acts: GuardianAct[] = [];
  /** What happened to the guest, and when. */
  readonly resumed: number[] = [];
  milestones: Milestone[] = PAUSED;
  journalFails: 'reading' | 'writing' | 'hangs' | undefined;
  status = 'paused';
  local = true;
  qemuGone = false;
  engineAlive = true;
  engineHoldsMonitor = true;
  /** Is called at each attempt to reach the guest, from 1. */
  atReach: (attempt: number) => void = () => undefined;
  killed = 0;
  open = 0;
  #attempts = 0;
  reachBySecond: (() => Promise<ReachedGuest>) | undefined;

  get engine(): GuardianWorld['engine'] & { known: boolean } {
    return {
      lives: () => Promise.resolve(this.engineAlive),
      known: this.engineKnown,
      isReplaced: () => this.engineReplaced,
      kill: () => {
        this.killed++;
        this.engineDies();
        return Promise.resolve();
      },
    };
  }

  engineKnown = true;
  engineReplaced = false;

  /** As the kernel does it: its connections close with it. */
  engineDies(): void {
    this.engineAlive = false;
    this.engineHoldsMonitor = false;
  }

  withSecond(): this {
    this.reachBySecond = () => this.#reach();
    return this;
  }

  tell(message: FromGuardian): void {
    this.told.push(message);
  }

  readJournal(): Promise<readonly JournalRecord[]> {
    if (this.journalFails === 'reading') return Promise.reject(new Error('EIO'));
    if (this.journalFails === 'hangs') return new Promise(() => undefined);
    return Promise.resolve(
      this.milestones.map((milestone) => ({ at: '', monotonicMs: 0, ...milestone })),
    );
  }

  appendJournal(act: GuardianAct): Promise<void> {
    if (this.journalFails === 'hangs') return new Promise(() => undefined);
    if (this.journalFails === 'writing') return Promise.reject(new Error('ENOSPC'));
    this.acts.push(act);
    return Promise.resolve();
  }

  async reachByShared(): Promise<ReachedGuest> {
    if (!this.engineHoldsMonitor) return this.#reach();
    await this.clock.sleep(3000);
    throw new MonitorBusyError('Another client holds this monitor.');
  }

  async #reach(): Promise<ReachedGuest> {
    this.atReach(++this.#attempts);
    await this.clock.sleep(5);
    if (this.qemuGone) throw new ConnectError('Nobody listens there.');
    this.open++;
    return {
      runState: () => Promise.resolve({ running: this.status === 'running', status: this.status }),
      resume: () => {
        this.status = 'running';
        this.resumed.push(this.clock.now());
        return Promise.resolve();
      },
      close: () => {
        this.open--;
        return Promise.resolve();
      },
    };
  }
}
