/** The gate before each statement: whoever controls a migration holds it. */
import { CancelledError } from '../base/errors.js';

/** Where the program stands. */
export interface GatePoint {
  /** Number of the statement that comes next, 1 to 18. */
  readonly line: number;
  readonly round: number;
  readonly batch: number;
}

export interface Gate {
  /**
   * Resolves when the statement may be executed.
   * @param onHold is called, once, when somebody has to let it go on.
   * @throws CancelledError when `signal` aborts.
   */
  pass(point: GatePoint, onHold: () => unknown, signal: AbortSignal): Promise<void>;
}

/** A gate that nobody holds. */
export const openGate: Gate = { pass: () => Promise.resolve() };

export type StepUnit = 'statement' | 'batch' | 'round';

/** A gate with a hand on it: run, pause, step. Starts open, or closed with `held`. */
export class ControlledGate implements Gate {
  #mode: 'run' | 'hold' | StepUnit;
  #steppedFrom: GatePoint | undefined;
  #release: (() => void) | undefined;

  constructor(mode: 'run' | 'held' = 'run') {
    this.#mode = mode === 'held' ? 'hold' : 'run';
  }

  /** Whether the program stands at the gate now. */
  get held(): boolean {
    return this.#release !== undefined;
  }

  /** Lets the program run on. */
  run(): void {
    this.#go('run');
  }

  /** Holds the program at the next statement. */
  pause(): void {
    this.#mode = 'hold';
  }

  /** Lets the program go on to the next statement, batch or round. */
  step(unit: StepUnit): void {
    this.#go(unit);
  }

  async pass(point: GatePoint, onHold: () => unknown, signal: AbortSignal): Promise<void> {
    if (this.#holdsAt(point)) {
      onHold();
      await this.#hold(signal);
    }
    if (this.#steppedFrom === undefined) this.#steppedFrom = point;
  }

  #go(mode: 'run' | StepUnit): void {
    this.#mode = mode;
    this.#steppedFrom = undefined;
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }

  #holdsAt(point: GatePoint): boolean {
    if (this.#mode === 'run') return false;
    if (this.#mode === 'hold') return true;
    return this.#steppedFrom !== undefined && endsStep(this.#mode, this.#steppedFrom, point);
  }

  async #hold(signal: AbortSignal): Promise<void> {
    this.#mode = 'hold';
    let onAbort: () => void;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(new CancelledError('The migration was cancelled at a gate.'));
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
    });
    const released = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    try {
      await Promise.race([released, aborted]);
    } finally {
      this.#release = undefined;
      signal.removeEventListener('abort', onAbort!);
    }
  }
}

/** The first and the last statement that are inside a round. */
const ROUND_LINES = [4, 11] as const;

/** Whether a step of `unit` that began at `from` ends before the statement at `point`. */
export function endsStep(unit: StepUnit, from: GatePoint, point: GatePoint): boolean {
  if (unit === 'statement') return true;
  const inRounds = point.line >= ROUND_LINES[0] && point.line <= ROUND_LINES[1];
  if (point.round !== from.round) return true;
  if (!inRounds) return point.line !== from.line || point.batch !== from.batch;
  return unit === 'batch' && point.batch !== from.batch;
}
