/** What shows a migration, whichever way: live in a terminal, line by line, as JSON, or not at all. */
import type { Decision, EventSink } from '../../engine/index.js';
import type { World } from '../world.js';
import { printable } from './style.js';

export interface RunView {
  /** Takes every event of the run. */
  readonly sink: EventSink;
  /** Resolves when the view can take more, or when `signal` aborts. */
  ready(signal: AbortSignal): Promise<void>;
  /** Asks the person about the newest verdict; undefined when somebody else answered. Absent where nobody can be asked. */
  ask?(): Promise<Decision | undefined>;
  /** The question was answered by somebody else. */
  dismiss?(): void;
  /** Tells the person something that is no event. */
  note(message: string): void;
  /** Shows the end, and gives the terminal back. Idempotent. */
  close(): Promise<void>;
}

/** Shows nothing but notes, on stderr. */
export class QuietView implements RunView {
  constructor(private readonly world: Pick<World, 'stderr'>) {}

  readonly sink = (): void => undefined;

  ready(): Promise<void> {
    return Promise.resolve();
  }

  note(message: string): void {
    this.world.stderr.write(`migrascope: ${printable(message)}\n`);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
