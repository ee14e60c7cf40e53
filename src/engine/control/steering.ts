/** The hand on a migration, whoever's it is: its gate, its limits, its verdict's answer, its cancel. */
import { CancelledError, UsageError } from '../../base/errors.js';
import type { CommandEvent, EventLimits, Verdict } from '../events.js';
import { ControlledGate, type StepUnit } from '../gate.js';
import type { Decision, RunHandle } from '../options.js';

/** What a controller can tell a run. */
export type SteeringCommand =
  | { readonly command: 'run' | 'pause' | 'cancel' | 'attach' | 'detach' }
  | { readonly command: 'step'; readonly unit: StepUnit }
  | { readonly command: 'limits'; readonly limits: Partial<EventLimits> }
  | { readonly command: 'decide'; readonly decision: Decision };

export interface SteeringOptions {
  /** Whether the program stands at its first statement until somebody lets it go on. */
  readonly held: boolean;
  /** The answer to each verdict; with `ask` it waits for a controller's. */
  readonly onLimit: Decision | 'ask';
}

export class Steering {
  readonly gate: ControlledGate;
  readonly #cancel = new AbortController();
  #handle: RunHandle | undefined;
  #verdict: Verdict | undefined;
  #answer: ((decision: Decision) => void) | undefined;
  #ended = false;

  constructor(private readonly options: SteeringOptions) {
    this.gate = new ControlledGate(options.held ? 'held' : 'run');
  }

  /** Aborts when somebody cancels. */
  get signal(): AbortSignal {
    return this.#cancel.signal;
  }

  /** The verdict that waits for an answer. */
  get verdict(): Verdict | undefined {
    return this.#verdict;
  }

  /** The limits as they are now; absent before the run began. */
  get limits(): EventLimits | undefined {
    return this.#handle?.limits;
  }

  /** For the engine: the run begins. */
  readonly begin = (handle: RunHandle): void => {
    this.#handle = handle;
  };

  /** The run ended: what is told from now on is refused. */
  end(): void {
    this.#ended = true;
  }

  /** For the engine: waits for an answer, where nobody gave one before. */
  readonly decide = (verdict: Verdict): Promise<Decision> => {
    if (this.options.onLimit !== 'ask') return Promise.resolve(this.options.onLimit);
    this.#verdict = verdict;
    return new Promise((resolve) => {
      this.#answer = (decision) => {
        this.#verdict = undefined;
        this.#answer = undefined;
        resolve(decision);
      };
    });
  };

  /**
   * Does what a controller says; everybody hears of it by an event.
   * @param by the controller's name.
   * @throws UsageError when the run ended, or has no question or no limits yet.
   */
  tell(by: string, command: SteeringCommand): void {
    if (this.#ended) throw new UsageError('The run has ended.');
    this.#check(command);
    this.#handle?.emit(asEvent(by, command));
    switch (command.command) {
      case 'run':
        this.gate.run();
        break;
      case 'pause':
        this.gate.pause();
        break;
      case 'step':
        // A step that is asked for while the program runs stops it: a key held down must not skip statements.
        if (this.gate.held) this.gate.step(command.unit);
        else this.gate.pause();
        break;
      case 'limits':
        this.#handle?.changeLimits(command.limits);
        break;
      case 'decide':
        this.#answer?.(command.decision);
        break;
      case 'cancel':
        this.#cancel.abort(new CancelledError(`${by} cancelled.`));
        break;
      case 'attach':
      case 'detach':
        break;
    }
  }

  #check({ command }: SteeringCommand): void {
    if (command === 'decide' && !this.#answer)
      throw new UsageError('The run asks nothing now.', {
        hint: 'Somebody else may have answered; look at its events.',
      });
    if (command === 'limits' && !this.#handle)
      throw new UsageError('The run has not begun, so its limits can’t be changed yet.');
  }
}

function asEvent(by: string, command: SteeringCommand): Omit<CommandEvent, 'seq' | 't'> {
  switch (command.command) {
    case 'step':
      return { type: 'command', by, command: 'step', unit: command.unit };
    case 'decide':
      return { type: 'command', by, command: 'decide', decision: command.decision };
    default:
      return { type: 'command', by, command: command.command };
  }
}
