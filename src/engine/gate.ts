/** The gate before each statement: whoever controls a migration holds it. */
import { cancellable } from '../base/cancel.js';

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

/** What a hand on a gate can do. */
export interface GateControl {
  /** Whether the program stands at the gate now. */
  readonly held: boolean;
  /** Lets the program run on. */
  run(): void;
  /** Holds the program at the next statement. */
  pause(): void;
  /** Lets the program go on to the next statement, batch or round; from outside the rounds, to the next statement. */
  step(unit: StepUnit): void;
}

/** A gate with a hand on it: run, pause, step. Starts open, or closed with `held`. */
export class ControlledGate implements Gate, GateControl {
  #mode: 'run' | 'hold' | StepUnit;
  /** The statement that is being executed. */
  #passed: GatePoint | undefined;
  #release: (() => void) | undefined;

  constructor(mode: 'run' | 'held' = 'run') {
    this.#mode = mode === 'held' ? 'hold' : 'run';
  }

  get held(): boolean {
    return this.#release !== undefined;
  }

  run(): void {
    this.#go('run');
  }

  pause(): void {
    this.#mode = 'hold';
  }

  step(unit: StepUnit): void {
    this.#go(unit);
  }

  async pass(point: GatePoint, onHold: () => unknown, signal: AbortSignal): Promise<void> {
    if (this.#holdsAt(point)) await this.#hold(onHold, signal);
    this.#passed = point;
  }

  #go(mode: 'run' | StepUnit): void {
    this.#mode = mode;
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }

  #holdsAt(point: GatePoint): boolean {
    if (this.#mode === 'run') return false;
    if (this.#mode === 'hold' || !this.#passed) return true;
    return endsStep(this.#mode, this.#passed, point);
  }

  async #hold(onHold: () => unknown, signal: AbortSignal): Promise<void> {
    this.#mode = 'hold';
    const released = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    onHold();
    try {
      await cancellable(released, signal, 'Waiting at a gate');
    } finally {
      this.#release = undefined;
    }
  }
}

/** The first and the last statement that are inside a round. */
const ROUND_LINES = [4, 11] as const;

function isInRound({ line }: GatePoint): boolean {
  return line >= ROUND_LINES[0] && line <= ROUND_LINES[1];
}

/** Whether a step of `unit` through the statement at `from` ends before the one at `point`, which comes next. */
export function endsStep(unit: StepUnit, from: GatePoint, point: GatePoint): boolean {
  if (unit === 'statement' || !isInRound(from) || !isInRound(point)) return true;
  return point.round !== from.round || (unit === 'batch' && point.batch !== from.batch);
}
