/** What is told of a run that is recovered: what is found of it, and what became of each step. */
import {
  nameOfLeftover,
  type Recovery,
  type RecoveryResult,
  type RunStatus,
  type Step,
} from '../../engine/index.js';
import { printable } from './style.js';

const LABEL_WIDTH = 13;

const STATES: Readonly<Record<Recovery['state'], string>> = {
  dead: 'is dead',
  ended: 'has ended',
  'no-journal': 'is not known here',
};

/** What is found, and what will be done. */
export function renderRecovery(recovery: Recovery): string {
  const { run, state, title, happened, notes, blocked } = recovery;
  const { guest, source, destination, resume } = recovery;
  const lines = [`Run ${run} ${STATES[state]}: ${title}`, `  ${happened}`];
  if (guest) lines.push(labelled('guest', guest.text));
  if (source) lines.push(labelled('source', source.text));
  if (destination) lines.push(labelled('destination', destination.text));
  if (resume) lines.push(labelled('resume', resume.text));
  for (const note of notes) lines.push(labelled('note', note));
  const parts = recovery.steps.flatMap(partsOf);
  parts.forEach((part, index) => lines.push(labelled(index === 0 ? 'to do' : '', part)));
  if (blocked !== undefined) lines.push(labelled('not now', `nothing is done: ${blocked}`));
  return text(lines);
}

/** What became of it. */
export function renderOutcome({ recovery, outcomes, complete }: RecoveryResult): string {
  const lines = outcomes.map(({ step, outcome, reason }) => {
    const why = reason === undefined ? '' : `: ${reason}`;
    return labelled(outcome, `${partsOf(step).join(', ')}${why}`);
  });
  const end = complete ? `Nothing of run ${recovery.run} is left.` : leftSomething(recovery.run);
  return text([...lines, `  ${end}`]);
}

function leftSomething(run: string): string {
  return `Something of run ${run} is left; \`migrascope recover\` can be tried again.`;
}

/** A run that is not recovered, since it is or may be alive. */
export function renderAlive({ run, state, reason }: RunStatus): string {
  const lines =
    state === 'running'
      ? [
          `Run ${run} runs: ${reason}`,
          `  \`migrascope attach ${run}\` shows it; there it can be cancelled, too.`,
        ]
      : [
          `Run ${run} may be alive: ${reason}`,
          '  Nothing is done to it. Look at it where it was started, or once its process has ended.',
        ];
  return text(lines);
}

function partsOf(step: Step): readonly string[] {
  if (!('leftovers' in step)) return [step.what];
  return step.leftovers.map((leftover) => `remove ${nameOfLeftover(leftover)}`);
}

function labelled(label: string, value: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${value}`;
}

function text(lines: readonly string[]): string {
  return lines.map((line) => `${printable(line)}\n`).join('');
}
