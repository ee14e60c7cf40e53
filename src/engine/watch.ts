/** What happens to the guest beside the program, and what it means for the run. */
import { ConnectionLostError, GuestError, messageOf, MigrascopeError } from '../base/errors.js';
import type { GuestEvent } from '../hypervisor/types.js';
import { pauseEnded } from './pause.js';
import type { Run } from './run.js';

/** Takes an event of the guest to the run: tells it, and ends the program where it must end. */
export function watchGuest(run: Run, event: GuestEvent): void {
  switch (event.type) {
    case 'lost':
      run.lost = whyLost(run, event.error);
      run.fail(run.lost);
      return;
    case 'resumed':
      run.emit({ type: 'resumed', byProgram: false });
      if (!run.pause) return;
      pauseEnded(run);
      if (!run.committed) run.fail(resumedByOthers());
      return;
    case 'stopped':
      run.emit({ type: 'paused', byProgram: false });
      return;
    case 'reset':
      run.emit({ type: 'warning', message: 'The guest was reset; its disk goes on being moved.' });
      return;
    case 'shutdown':
      run.poweredOff = true;
      run.emit({
        type: 'warning',
        message: event.byGuest ? 'The guest powered off.' : 'The guest was told to shut down.',
      });
  }
}

/** Why a connection to the hypervisor ended: where the guest had powered off, because of that. */
export function whyLost(run: Run, error: unknown): MigrascopeError {
  if (run.poweredOff)
    return new GuestError('The guest powered off while its disk was being moved.', {
      cause: error,
      hint: 'Its disk stays where it was. Start the guest, and the migration again.',
    });
  if (error instanceof MigrascopeError) return error;
  return new ConnectionLostError(`The hypervisor was lost: ${messageOf(error)}`, { cause: error });
}

/** Whoever resumed the guest behind our back made the copy stale. */
export function resumedByOthers(): GuestError {
  return new GuestError('The guest was resumed by somebody else while the program had it paused.', {
    hint: 'It runs on its source. Start the migration again, and leave the guest to it.',
  });
}
