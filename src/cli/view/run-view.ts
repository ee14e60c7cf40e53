/** What shows a migration, whichever way: live in a terminal, line by line, or as JSON. */
import type { Decision, EventSink } from '../../engine/index.js';

export interface RunView {
  /** Takes every event of the run. */
  readonly sink: EventSink;
  /** Resolves when the view can take more, or when `signal` aborts. */
  ready(signal: AbortSignal): Promise<void>;
  /** Asks the person, where there is one, about the newest verdict. */
  decide(): Promise<Decision>;
  /** Tells the person something that is no event. */
  note(message: string): void;
  /** Whether the program has the guest paused, as far as the view knows. */
  readonly guestIsDown: boolean;
  /** Shows the end, and gives the terminal back. Idempotent. */
  close(): Promise<void>;
}

/** What stopping at once leaves behind. */
export function describeLeftovers(guestIsDown: boolean, guarded: boolean): string {
  const names = 'What is called migrascope-… may be left in the hypervisor.';
  if (!guestIsDown) return `The guest runs on its source. ${names}`;
  const guest = guarded
    ? 'The guest is paused; its guardian resumes it now.'
    : 'THE GUEST IS PAUSED: resume it at its monitor (cont).';
  return `${guest} ${names}`;
}
