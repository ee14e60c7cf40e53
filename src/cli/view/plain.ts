/** The view where nothing can be redrawn: a line for each round and for what a person waits for. */
import type { MigrationEvent } from '../../engine/index.js';
import { formatBytes, formatDuration, formatRate, formatShare } from '../../base/units.js';
import { takenOverText } from '../../progress/index.js';
import type { ViewModel } from './model.js';
import { statementText } from './render-parts.js';
import { printable } from './style.js';

/** Statements whose beginning is told; those of a round are told by the round. */
const TOLD: readonly number[] = [2, 3, 14, 15, 16, 17, 18];

/** The lines for an event, `model` having taken it. */
export function plainLines(event: MigrationEvent, model: ViewModel): string[] {
  const time = `[${formatDuration(event.t).padStart(10)}]`;
  return textsOf(event, model).map((text) => `${time} ${text}`);
}

function textsOf(event: MigrationEvent, model: ViewModel): string[] {
  switch (event.type) {
    case 'start':
      return [
        `run ${printable(event.run)}: ${printable(event.disk.name)} (${formatBytes(event.disk.size)}) → ${printable(event.destination)}, policy ${printable(event.policy)}`,
      ];
    case 'probe':
      return [`probe ${event.state}: ${printable(event.message)}`];
    case 'statement':
      return TOLD.includes(event.line) ? [`${event.line}  ${statementText(event.line)}`] : [];
    case 'allocated':
      return [`${formatBytes(event.bytes)} have to be sent`];
    case 'taken-over':
      return [takenOverText(event)];
    case 'round':
      return [roundText(event, model)];
    case 'trim':
      return [`the guest discarded ${formatBytes(event.trimmedBytes)}`];
    case 'drain':
      return [
        `the guest wrote back ${formatBytes(event.writtenBytes)} in ${formatDuration(event.tookMs)}`,
      ];
    case 'verify':
      return [
        event.differing.length === 0
          ? `compared ${formatBytes(event.checkedBytes)}: equal`
          : `compared ${formatBytes(event.checkedBytes)}: DIFFERENT in ${event.differing.length} places`,
      ];
    case 'verdict':
      return [verdictText(event)];
    default:
      return guestTexts(event);
  }
}

function guestTexts(event: MigrationEvent): string[] {
  switch (event.type) {
    case 'paused':
      return [event.byProgram ? 'the guest is paused' : 'the guest stands, not by this migration'];
    case 'resumed':
      return [
        event.pausedMs === undefined
          ? 'the guest runs again, not by this migration'
          : `the guest runs again; it was paused for ${formatDuration(event.pausedMs)}`,
      ];
    case 'switchover':
      return [`switched over: the guest's disk is ${printable(event.disk)} now`];
    case 'warning':
      return [
        `warning: ${printable(event.message)}`,
        ...(event.hint ? [`  hint: ${printable(event.hint)}`] : []),
      ];
    default:
      return [];
  }
}

function roundText(event: Extract<MigrationEvent, { type: 'round' }>, model: ViewModel): string {
  const { blocks } = model;
  const used = blocks ? blocks.geometry.size - blocks.bytes('free') : 0;
  const left = event.forecast.remainingMs;
  return [
    `round ${event.round}${event.final ? ' (last)' : ''}: sent ${formatBytes(event.sentBytes)}`,
    `re-sent ${formatBytes(event.resentBytes)}`,
    `deferred ${formatBytes(event.deferredBytes)}`,
    `pending ${formatBytes(event.pendingBytes)}`,
    `dirty rate ${formatRate(event.dirtyRate)}`,
    `bandwidth ${formatRate(event.bandwidth)}`,
    `${formatShare(used - event.pendingBytes, used)} at the destination`,
    left === null ? 'left: ?' : `left: ${formatDuration(left)}`,
  ].join(', ');
}

function verdictText(event: Extract<MigrationEvent, { type: 'verdict' }>): string {
  const pause = `${formatBytes(event.pendingBytes)} are left, a pause of ${formatDuration(event.downtimeMs)}`;
  return event.converged ? `it converges: ${pause}` : `it does not converge: ${pause}`;
}
