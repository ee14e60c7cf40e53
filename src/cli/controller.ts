/** One controller of a run: shows it, and hands on what the person says. `migrate` and `attach` are this. */
import { messageOf } from '../base/errors.js';
import {
  ControlClient,
  type GateControl,
  type MigrationEvent,
  type RunEnd,
  type SteeringCommand,
  type StepUnit,
} from '../engine/index.js';
import { EXIT, exitCodeOfError, exitCodeOfRun, type ExitCode } from './exit-codes.js';
import { Interrupt } from './interrupt.js';
import { reportError } from './report.js';
import { JsonView, PlainView } from './view/line-views.js';
import { LiveView } from './view/live.js';
import { QuietView, type RunView } from './view/run-view.js';
import type { EngineLink } from '../reach/types.js';
import type { World } from './world.js';

export interface ControllerOptions {
  /** Starts the run's engine process, or finds it. */
  reach(signal: AbortSignal): Promise<EngineLink>;
  /** How the run is shown: `none` for who leaves it once it has begun. */
  readonly view: 'live' | 'plain' | 'json' | 'none';
  /** Whether the program is listed from the beginning. */
  readonly stepping: boolean;
  /** What the first Ctrl-C does. */
  readonly onInterrupt: 'cancel' | 'leave';
  /** What is told to the run at once. */
  readonly first: readonly SteeringCommand[];
}

/** How a terminal can show a run. */
export function viewFor(world: World, json: boolean | undefined): 'live' | 'plain' | 'json' {
  if (json) return 'json';
  const { stdin, stdout, env } = world;
  return stdin.isTTY === true && stdout.isTTY === true && env['TERM'] !== 'dumb' ? 'live' : 'plain';
}

/**
 * Shows a run until it ends or the person leaves.
 * @throws what `reach` throws; ConnectionLostError when the engine process is gone.
 */
export async function controlRun(world: World, options: ControllerOptions): Promise<ExitCode> {
  const controller = new Controller(world, options);
  try {
    return await controller.show();
  } finally {
    await controller.close();
  }
}

class Controller {
  readonly #interrupt: Interrupt;
  readonly #gate = new RemoteGate((command) => this.#tell(command));
  #view: RunView | undefined;
  #client: ControlClient | undefined;
  #run: string | undefined;
  /** What was to be told before there was a view. */
  readonly #early: string[] = [];
  #blind = false;

  constructor(
    private readonly world: World,
    private readonly options: ControllerOptions,
  ) {
    this.#interrupt = new Interrupt(
      world,
      (message) => this.#note(message),
      () =>
        `The run${this.#run ? ` ${this.#run}` : ''} goes on in its own process; ${seeIt(this.#run)}`,
      { press: options.onInterrupt, hangUp: 'leave' },
    );
  }

  async show(): Promise<ExitCode> {
    const interrupt = this.#interrupt;
    const either = AbortSignal.any([interrupt.signal, interrupt.left]);
    const { run, stream } = await this.options.reach(either);
    this.#run = run;
    this.#view = this.#createView();
    for (const message of this.#early.splice(0)) this.#note(message);
    const client = new ControlClient(run, stream, {
      event: (event) => this.#event(event),
      log: (message) => this.#note(message),
    });
    this.#client = client;
    await client.attach(`migrascope ${process.pid}`);
    this.#when(interrupt.signal, () => this.#tell({ command: 'cancel' }));
    this.#when(interrupt.left, () => void client.detach());
    for (const command of this.options.first) await client.tell(command);
    return this.#codeOf(await client.ended());
  }

  async close(): Promise<void> {
    this.#client?.destroy();
    await this.#view?.close();
    this.#interrupt.close();
  }

  async #codeOf(end: RunEnd | undefined): Promise<ExitCode> {
    await this.#view?.close();
    if (!end) {
      this.world.stderr.write(`migrascope: The run ${this.#run} goes on; ${seeIt(this.#run)}\n`);
      return EXIT.completed;
    }
    if (end.error) reportError(this.world, end.error);
    return end.summary ? exitCodeOfRun(end.summary, end.error) : exitCodeOfError(end.error);
  }

  #when(signal: AbortSignal, action: () => void): void {
    if (signal.aborted) action();
    else signal.addEventListener('abort', action, { once: true });
  }

  #tell(command: SteeringCommand): void {
    this.#client?.tell(command).catch((error: unknown) => this.#note(messageOf(error)));
  }

  #event(event: MigrationEvent): void | Promise<void> {
    this.#gate.hear(event);
    this.#show(event);
    if (event.type === 'verdict' && !event.converged) void this.#ask();
    if (event.type === 'command' && event.command === 'decide') this.#view?.dismiss?.();
    const begun = event.type === 'held' || event.type === 'start';
    if (begun && this.options.view === 'none') this.#interrupt.leave();
    return this.#view?.ready(this.#interrupt.left);
  }

  /** A view that fails shows no later event; the run goes on. */
  #show(event: MigrationEvent): void {
    if (this.#blind) return;
    try {
      this.#view?.sink(event);
    } catch (error) {
      this.#blind = true;
      this.#note(`An event could not be shown, and no later one is: ${messageOf(error)}`);
    }
  }

  #note(message: string): void {
    if (this.#view) this.#view.note(message);
    else this.#early.push(message);
  }

  /** Where the run waits for an answer and there is somebody to ask. */
  async #ask(): Promise<void> {
    const view = this.#view;
    if (!view?.ask) return;
    try {
      if (!(await this.#client?.state())?.asks) return;
      const decision = await view.ask();
      const cancelled = this.#interrupt.signal.aborted;
      if (decision !== undefined && !cancelled) this.#tell({ command: 'decide', decision });
    } catch (error) {
      this.#note(messageOf(error));
    }
  }

  #createView(): RunView {
    const { world } = this;
    const interrupt = this.#interrupt;
    const { view, stepping } = this.options;
    if (view === 'none') return new QuietView(world);
    if (view === 'live') return new LiveView({ world, gate: this.#gate, interrupt, stepping });
    const View = view === 'json' ? JsonView : PlainView;
    return new View({
      world,
      onReaderGone: (error) => {
        const gone = `nobody reads the output any more (${messageOf(error)})`;
        if (this.options.onInterrupt === 'leave') interrupt.leave();
        else interrupt.cancel(`cancelling: ${gone}`);
      },
    });
  }
}

function seeIt(run: string | undefined): string {
  return run === undefined
    ? '`migrascope runs` lists it.'
    : `\`migrascope attach ${run}\` shows it.`;
}

/** The gate of a run that another process owns. */
class RemoteGate implements GateControl {
  #held = false;

  constructor(private readonly tell: (command: SteeringCommand) => void) {}

  get held(): boolean {
    return this.#held;
  }

  hear({ type }: MigrationEvent): void {
    if (type === 'held') this.#held = true;
    if (type === 'statement' || type === 'summary') this.#held = false;
  }

  run(): void {
    this.tell({ command: 'run' });
  }

  pause(): void {
    this.tell({ command: 'pause' });
  }

  step(unit: StepUnit): void {
    this.tell({ command: 'step', unit });
  }
}
