/** Runs: which there are, new ones, and what dead ones left. */
import { randomBytes } from 'node:crypto';
import {
  ControlClient,
  listRuns,
  lookAtDeadRun,
  nameOfLeftover,
  openRunFolder,
  recoverRun,
  runsRoot,
  runStatus,
  type Recovery,
  type RunFolder,
  type RunStatus,
  type Step,
  type StepOutcome,
} from '../engine/index.js';
import {
  attachToRun,
  forgetRunCalled,
  recoveryBelow,
  resumeRun,
  startEngine,
} from '../reach/index.js';
import type { ServiceParts } from './parts.js';
import type { Handlers } from './server.js';
import type { RecoveryInfo, RunInfo } from './types.js';

type RunMethods =
  | 'run.list'
  | 'run.start'
  | 'run.tell'
  | 'run.resume'
  | 'run.forget'
  | 'run.findings'
  | 'run.recover';

export function runHandlers({ logger }: ServiceParts): Handlers<RunMethods> {
  return {
    'run.list': async ({ most }, signal) => {
      const folders = (await listRuns(runsRoot())).slice(-most).reverse();
      return Promise.all(
        folders.map(async (folder) => infoOf(folder, await runStatus(folder, signal))),
      );
    },
    'run.start': async ({ host, options, held, guardian, trace }, signal) => {
      const run = randomBytes(4).toString('hex');
      const request = { host, run, options, held, guardian, onLimit: 'ask' as const };
      const link = await startEngine(trace === undefined ? request : { ...request, trace }, signal);
      link.stream.destroy();
      return { run };
    },
    'run.tell': async ({ run, command }, signal) => {
      const { stream } = await attachToRun(run, signal);
      const client = new ControlClient(run, stream, {
        event: () => undefined,
        log: () => undefined,
      });
      try {
        await client.tell(command);
        return undefined;
      } finally {
        client.destroy();
      }
    },
    'run.resume': async ({ run, held }, signal) => {
      const how = { guardian: true, held, onLimit: 'ask' as const };
      const link = await resumeRun(run, how, logger, signal);
      link.stream.destroy();
      return undefined;
    },
    'run.forget': async ({ run }) => {
      await forgetRunCalled(run);
      return undefined;
    },
    'run.findings': async ({ run }, signal) => {
      const folder = await openRunFolder(runsRoot(), run);
      return findingsOf(await lookAtDeadRun(folder, recoveryBelow(logger), signal));
    },
    'run.recover': async ({ run }, signal) => {
      const folder = await openRunFolder(runsRoot(), run);
      const parts = recoveryBelow(logger);
      const { steps } = await lookAtDeadRun(folder, parts, signal);
      const agreed = new Set(steps.map(({ action }) => action));
      const { outcomes } = await recoverRun(folder, agreed, parts, signal);
      return outcomes.map(outcomeText);
    },
  };
}

function infoOf({ events }: RunFolder, { run, state, reason, begin, end }: RunStatus): RunInfo {
  const facts = begin && {
    host: begin.host,
    disk: begin.options.disk,
    destination: destinationOf(begin.options.destination),
    policy: begin.options.policy,
    startedAt: begin.at,
  };
  return { run, state, reason, events, ...facts, ...(end ? { outcome: end.outcome } : {}) };
}

function destinationOf(
  destination: NonNullable<RunStatus['begin']>['options']['destination'],
): string {
  return destination.type === 'file' ? `file:${destination.path}` : destination.uri;
}

function findingsOf(recovery: Recovery): RecoveryInfo {
  const { run, happened, guest, source, destination, notes, steps, blocked, resume } = recovery;
  return {
    run,
    findings: [
      happened,
      ...[guest, source, destination].flatMap((finding) => (finding ? [finding.text] : [])),
      ...notes,
      ...(blocked === undefined ? [] : [`Nothing can be done now: ${blocked}`]),
    ],
    steps: steps.flatMap(stepTexts),
    resumable: resume?.state === 'possible',
  };
}

function stepTexts(step: Step): readonly string[] {
  if (!('leftovers' in step)) return [step.what];
  return step.leftovers.map((leftover) => `remove ${nameOfLeftover(leftover)}`);
}

function outcomeText({ step, outcome, reason }: StepOutcome): string {
  return `${outcome}: ${stepTexts(step).join(', ')}${reason === undefined ? '' : ` (${reason})`}`;
}
