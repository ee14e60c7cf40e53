/** How a controller of this process reaches engine processes: by starting one, or by its run's id. */
import { UsageError } from '../base/errors.js';
import {
  connectControl,
  openRunFolder,
  runFolder,
  runsRoot,
  runStatus,
  startEngineProcess,
  type EngineRequest,
  type RunStatus,
} from '../engine/index.js';
import type { EngineLink } from './world.js';

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

function notRunning({ run, state, reason }: RunStatus): UsageError {
  const hints = {
    ended: '`migrascope runs` lists those that run.',
    dead: '`migrascope recover` says what it left, and puts it right.',
    unknown: '`migrascope runs` lists those that run.',
    running: '',
  };
  return new UsageError(`The run ${run} can't be attached to: it is ${state}. ${reason}`, {
    hint: hints[state],
  });
}
