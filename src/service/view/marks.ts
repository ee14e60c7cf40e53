/** The moments that a person may want to go to. */
import type { MigrationEvent } from '../../engine/index.js';
import type { Mark } from '../types.js';

/** The statements at which a round begins. */
const ROUND_LINES: readonly number[] = [4, 12];

const KINDS: Readonly<Partial<Record<MigrationEvent['type'], Mark['kind']>>> = {
  held: 'held',
  drain: 'drain',
  paused: 'paused',
  resumed: 'resumed',
  verdict: 'verdict',
  switchover: 'switchover',
  'taken-over': 'taken-over',
  warning: 'warning',
  error: 'error',
  summary: 'summary',
};

/** The mark that an event makes; pure. */
export function markOf(event: MigrationEvent): Mark | undefined {
  const { seq, t } = event;
  if (event.type === 'statement') {
    if (!ROUND_LINES.includes(event.line)) return undefined;
    return { seq, t, kind: 'round', round: event.round };
  }
  const kind = Object.hasOwn(KINDS, event.type) ? KINDS[event.type] : undefined;
  return kind && { seq, t, kind };
}
