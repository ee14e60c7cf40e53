/** How a controller of this process reaches engine processes: by starting one, or by its run's id. */
import { HypervisorError, UsageError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import {
  connectControl,
  lookAtDeadRun,
  openRunFolder,
  runFolder,
  runsRoot,
  runStatus,
  startEngineProcess,
  type BeginFacts,
  type EngineRequest,
  type JournalRecord,
  type RunStatus,
} from '../engine/index.js';
import { looksLikeAddress } from '../hypervisor/index.js';
import { recoveryBelow } from './recover-parts.js';
import type { EngineLink, RecoveryWorld, ResumeOptions } from './types.js';

/** @throws as World.startEngine. */
export async function startEngine(
  request: EngineRequest,
  signal: AbortSignal,
): Promise<EngineLink> {
  await startEngineProcess(request, signal);
  const { run } = request;
  return { run, stream: await connectControl(runFolder(runsRoot(), run), signal) };
}

/** @throws as World.attach. */
export async function attachToRun(name: string, signal: AbortSignal): Promise<EngineLink> {
  const folder = await openRunFolder(runsRoot(), name);
  const { run } = folder;
  const status = await runStatus(folder, signal);
  if (status.state === 'running') return { run, stream: await connectControl(folder, signal) };
  throw notRunning(status);
}

/** @throws as World.resume. */
export async function resumeRun(
  name: string,
  how: ResumeOptions,
  logger: Logger,
  signal: AbortSignal,
): Promise<EngineLink> {
  const folder = await openRunFolder(runsRoot(), name);
  const { run } = folder;
  const status = await runStatus(folder, signal);
  const { begin } = status;
  if (status.state !== 'dead' || !begin) throw notDead(status);
  const recovery = recoveryBelow(logger);
  const { resume } = await lookAtDeadRun(folder, recovery, signal);
  if (resume?.state !== 'possible')
    throw new HypervisorError(`The run ${run} ${resume?.text ?? 'is not dead'}.`, {
      hint: '`migrascope recover` puts right what it left; then begin the migration anew.',
    });
  const host = await hostOf(begin, await recovery.readJournal(folder), recovery);
  return startEngine({ host, run, options: begin.options, resumes: true, ...how }, signal);
}

/** As the run named it, where that is the same hypervisor still; else its address. */
async function hostOf(
  { host }: Pick<BeginFacts, 'host'>,
  records: readonly JournalRecord[],
  recovery: RecoveryWorld,
): Promise<string> {
  const source = records.find((record) => record.type === 'source');
  const now = await recovery.hypervisorOf(host).catch(() => undefined);
  return source && now !== source.hypervisor && looksLikeAddress(source.hypervisor)
    ? source.hypervisor
    : host;
}

function notDead({ run, state, reason }: RunStatus): UsageError {
  const hints = {
    ended: 'Begin a new migration.',
    running: `\`migrascope attach ${run}\` shows it.`,
    unknown: '`migrascope runs` says more.',
    dead: '`migrascope recover` says more.',
  };
  return new UsageError(`The run ${run} can't be resumed: it is ${state}. ${reason}`, {
    hint: hints[state],
  });
}

function notRunning({ run, state, reason }: RunStatus): UsageError {
  const hints = {
    ended: '`migrascope runs` lists those that run.',
    dead: '`migrascope recover` says what it left, and whether it can be resumed.',
    unknown: '`migrascope runs` lists those that run.',
    running: '',
  };
  return new UsageError(`The run ${run} can't be attached to: it is ${state}. ${reason}`, {
    hint: hints[state],
  });
}
