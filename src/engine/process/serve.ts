/** The engine process: owns one migration from beginning to end, and serves it to its controllers. */
import { rm } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { EventsRead } from '../continuation/index.js';
import { ControlServer, EventLog, Steering } from '../control/index.js';
import { PluginObserver, type PluginDescription } from '../../plugin/index.js';
import type { EventSink, MigrationEvent } from '../events.js';
import type { migrate, MigrationResult } from '../migrate.js';
import type { Decision, MigrationOptions, MigrationParts } from '../options.js';
import { createTraceWriter, type TraceWriter } from '../trace.js';

/** What an engine process is asked to do. */
export interface EngineRequest {
  /** An address, a name of the hosts file, or the name of a lab guest that runs. */
  readonly host: string;
  /** The run's id. */
  readonly run: string;
  readonly options: MigrationOptions;
  /** Whether a process of its own resumes a guest that this one leaves paused. */
  readonly guardian: boolean;
  /** Whether the program stands at its first statement until a controller lets it go on. */
  readonly held: boolean;
  /** What to do when it does not converge; `ask` waits for a controller. */
  readonly onLimit: Decision | 'ask';
  /** Plugins that watch the run. */
  readonly observers?: readonly PluginDescription[];
  /** Absolute path of a new file that takes every event. */
  readonly trace?: string;
  /** The run is there already, and its process is dead: this one goes on with it. */
  readonly resumes?: true;
}

/** What one migration is given: its connections, the journal of what it does, the guest's guardian. */
export interface RunParts
  extends
    Pick<
      MigrationParts,
      'connectHypervisor' | 'connectNbd' | 'connectProbe' | 'uploadProbe' | 'openDestination'
    >,
    Pick<MigrationParts, 'journal' | 'lease' | 'continuation' | 'plugins'> {
  /** Path of the file that takes the events: a new one, unless there are some already. */
  readonly events: string;
  /** How much there is already in that file. */
  readonly earlier?: EventsRead;
  /** Ends the journal, and lets go of the run's lock. Never throws. */
  close(): Promise<void>;
}

export interface EngineParts {
  readonly migrate: typeof migrate;
  /**
   * Begins a run; connects nothing yet.
   * @param accept takes each connection of a controller.
   * @throws UsageError when the host cannot be one; JournalError when there can be no journal.
   */
  openRun(
    request: EngineRequest,
    logger: Logger,
    accept: (stream: Duplex) => void,
  ): Promise<RunParts>;
  /** Is called when controllers can attach. */
  onReady(): void;
  /** Calls `listener` when the process is asked to end. */
  onEndSignal(listener: () => void): void;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Wall-clock time. */
  today(): Date;
  /** Of Migrascope. */
  readonly version: string;
}

/** The most connections that wait for the server to be there; a further one is closed. */
const MOST_EARLY = 16;

/**
 * Runs a migration, and resolves when it is over and its controllers have heard so.
 * @throws UsageError, JournalError, LeaseError before anything was begun.
 */
export async function serveRun(request: EngineRequest, parts: EngineParts): Promise<void> {
  const served: { server?: ControlServer } = {};
  const logger: Logger = {
    log(level, message) {
      parts.logger.log(level, message);
      if (level === 'warn' || level === 'error') served.server?.note(level, message);
    },
  };
  const warn = (message: string) => logger.log('warn', message);
  const trace = await openTrace(request.trace, warn);
  const early: Duplex[] = [];
  const run = await openOrForget(request, parts, logger, trace, (stream) => {
    if (served.server) served.server.accept(stream);
    else if (early.length < MOST_EARLY) early.push(stream.on('error', () => undefined));
    else stream.destroy();
  });
  const { held, onLimit } = request;
  const steering = new Steering({ held, onLimit });
  const events = await openEvents(run, warn);
  const { version, clock } = parts;
  const server = new ControlServer({ run: request.run, version, steering, events, clock });
  served.server = server;
  for (const stream of early) server.accept(stream);
  parts.onEndSignal(() => {
    if (!server.ended) steering.tell('a signal', { command: 'cancel' });
  });
  parts.onReady();
  const observers = openObservers(request, run, parts, steering, logger);
  const watched = observers.map((observer) => observer.sink);
  const sinks = [events.append, ...(trace ? [trace.sink] : []), ...watched];
  const result = await runWith(request, parts, run, steering, logger, sinks);
  await Promise.all(observers.map((observer) => observer.close()));
  const failure = await trace?.close();
  if (failure) warn(`The trace is not complete: ${messageOf(failure)}`);
  await server.end(result);
  await events.close();
  await run.close();
}

async function runWith(
  { options, run: id }: EngineRequest,
  parts: EngineParts,
  run: RunParts,
  steering: Steering,
  logger: Logger,
  sinks: readonly EventSink[],
): Promise<MigrationResult | { readonly error: unknown }> {
  try {
    return await parts.migrate(options, {
      ...run,
      gate: steering.gate,
      onBegin: steering.begin,
      decide: steering.decide,
      signal: steering.signal,
      sink: (event: MigrationEvent) => {
        for (const sink of sinks) sink(event);
      },
      clock: parts.clock,
      logger,
      run: id,
      startedAt: parts.today(),
    });
  } catch (error) {
    parts.logger.log(
      'error',
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    );
    return { error };
  }
}

function openObservers(
  { observers = [] }: EngineRequest,
  { plugins }: RunParts,
  { clock }: EngineParts,
  steering: Steering,
  logger: Logger,
): readonly PluginObserver[] {
  if (!plugins) return [];
  const { start, version } = plugins;
  return observers.map(
    (observer) =>
      new PluginObserver(observer, {
        ...{ start, version, clock, logger },
        pause: (reason) => {
          logger.log('warn', `The observer ${observer.name} asks for a pause: ${reason}`);
          steering.tell(observer.name, { command: 'pause' });
        },
        warn: (message) => logger.log('warn', message),
      }),
  );
}

function openEvents(
  { events, earlier }: RunParts,
  warn: (message: string) => void,
): Promise<EventLog> {
  return earlier ? EventLog.reopen(events, earlier, warn) : EventLog.create(events, warn);
}

async function openTrace(
  path: string | undefined,
  warn: (message: string) => void,
): Promise<TraceWriter | undefined> {
  if (path === undefined) return undefined;
  return createTraceWriter(path, (error) => warn(`The trace is cut short: ${messageOf(error)}`));
}

/** Of a run that could not begin, no empty trace stays. */
async function openOrForget(
  request: EngineRequest,
  parts: EngineParts,
  logger: Logger,
  trace: TraceWriter | undefined,
  accept: (stream: Duplex) => void,
): Promise<RunParts> {
  try {
    return await parts.openRun(request, logger, accept);
  } catch (error) {
    await trace?.close();
    if (request.trace !== undefined) await rm(request.trace, { force: true });
    throw error;
  }
}
