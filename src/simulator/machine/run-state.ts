/** Whether the machine runs (qapi/run-state.json), and the guest with it. */
import type { Clock } from '../../base/clock.js';
import { refusal } from '../qmp/index.js';
import type { JsonObject } from '../qmp/index.js';
import type { Guest } from '../guest/types.js';

export type RunStatus = 'prelaunch' | 'running' | 'paused' | 'shutdown' | 'io-error';

export class MachineRunState {
  /** Absent in a machine whose disk nobody writes. */
  guest: Guest | undefined;
  #status: RunStatus = 'prelaunch';

  constructor(
    private readonly clock: Clock,
    private readonly emit: (event: string, data?: JsonObject) => void,
    private readonly onResumed: () => void = () => undefined,
  ) {}

  get status(): RunStatus {
    return this.#status;
  }

  get running(): boolean {
    return this.#status === 'running';
  }

  /** Lets the guest do what it does until now. */
  advance(): void {
    this.guest?.advance(this.clock.now());
  }

  /** As cont. @throws QmpCommandError when the guest has ended. */
  resume(): void {
    if (this.#status === 'shutdown') throw refusal('Resetting the Virtual Machine is required');
    if (this.running) return;
    this.emit('RESUME');
    this.#status = 'running';
    this.guest?.resume(this.clock.now());
    this.onResumed();
  }

  /** As stop; or because something made it stop. */
  pause(status: Exclude<RunStatus, 'running' | 'prelaunch'> = 'paused'): void {
    if (!this.running) return;
    this.#status = status;
    this.guest?.pause(this.clock.now());
    this.emit('STOP');
  }

  /** The guest has powered off: what is left of the machine stands. */
  shutDown(): void {
    this.emit('SHUTDOWN', { guest: true, reason: 'guest-shutdown' });
    this.pause('shutdown');
    this.#status = 'shutdown';
  }

  /** As system_reset. */
  reset(): void {
    if (this.#status === 'shutdown') this.#status = 'paused';
    this.emit('RESET', { guest: false, reason: 'host-qmp-system-reset' });
  }

  describe(): JsonObject {
    return { status: this.#status, singlestep: false, running: this.running };
  }
}
