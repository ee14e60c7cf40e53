/** A run: its events are read from the file in its folder, and its engine process says when there are more. */
import { cancellable } from '../../base/cancel.js';
import { ConnectionLostError, messageOf, ProtocolError, UsageError } from '../../base/errors.js';
import {
  ControlClient,
  openRunFolder,
  runsRoot,
  runStatus,
  type MigrationEvent,
  type RunEnd,
  type RunFolder,
  type RunStatus,
} from '../../engine/index.js';
import { attachToRun } from '../../reach/index.js';
import type { SteeringCommand } from '../types.js';
import { EventFile } from './event-file.js';
import {
  follow,
  wrongLine,
  type Following,
  type OpenedSource,
  type SourceParts,
} from './source.js';

const CHUNK = 256 * 1024;

/** Who we are for the other controllers. */
const NAME = 'VS Code';

/**
 * Opens a run, whether it goes on or not; resolves when its disk is known, or all that there is was
 * read, and reads on then.
 * @throws UsageError when there is no such run, or it has nothing to show; ConnectError and the like
 * when its engine process can't be reached.
 */
export async function openRunSource(
  run: string,
  parts: SourceParts,
  signal: AbortSignal,
): Promise<OpenedSource> {
  const folder = await openRunFolder(runsRoot(), run);
  const status = await runStatus(folder, signal);
  const file = await openEvents(folder);
  const source = new RunSource(folder, file, follow(file, 'run', folder.run, parts), parts);
  try {
    await source.begin(status, signal);
  } catch (error) {
    await source.close();
    throw error;
  }
  return source;
}

async function openEvents({ run, events }: RunFolder): Promise<EventFile> {
  try {
    return await EventFile.open(events);
  } catch (error) {
    throw new UsageError(`The run ${run} has no events: ${messageOf(error)}`, {
      cause: error,
      hint: '`migrascope runs` lists the runs that are there.',
    });
  }
}

class RunSource implements OpenedSource {
  #client: ControlClient | undefined;
  /** Up to where the file was read. */
  #offset = 0;
  #reading: Promise<void> = Promise.resolve();
  #beginning: Promise<void> = Promise.resolve();
  #diskKnown: () => void = () => undefined;
  readonly #known = new Promise<void>((resolve) => (this.#diskKnown = resolve));
  #stopped = false;
  #closed = false;
  /** How it stands, where it can't be told anything. */
  #state = 'it has ended.';

  constructor(
    private readonly folder: RunFolder,
    private readonly file: EventFile,
    private readonly following: Following,
    private readonly parts: SourceParts,
  ) {}

  get view(): Following['view'] {
    return this.following.view;
  }

  /** Resolves when its disk is known, or it has begun. */
  async begin(status: RunStatus, signal: AbortSignal): Promise<void> {
    this.#beginning = this.#begin(status, signal);
    await Promise.race([this.#known, this.#beginning]);
    this.#beginning.catch((error: unknown) => {
      if (this.#closed) return;
      this.view.trouble(error);
      this.view.end();
    });
  }

  async #begin(status: RunStatus, signal: AbortSignal): Promise<void> {
    await this.#readOn();
    if (status.state !== 'running') {
      this.#showWhatIs(status);
      return;
    }
    try {
      await this.#attach(signal);
    } catch (error) {
      const now = await runStatus(this.folder);
      if (signal.aborted || now.state === 'running') throw error;
      await this.#readOn();
      this.#showWhatIs(now);
    }
  }

  /** Of a run that does not go on, or that can't be asked. @throws UsageError when that is nothing. */
  #showWhatIs(status: RunStatus): void {
    this.#state = `it is ${status.state}. ${status.reason}`;
    if (!this.following.recording.head.blocks) throw this.#nothingToShow(status);
    const trouble = this.#troubleOf(status);
    if (trouble && !this.#stopped) this.view.trouble(trouble);
    this.view.end();
  }

  #troubleOf({ state, reason }: RunStatus): Error | undefined {
    const { run } = this.folder;
    if (state === 'dead') return goneError(run);
    if (state === 'unknown')
      return new ConnectionLostError(`The run ${run} can't be followed: ${reason}`, {
        hint: 'Open it again later; `migrascope runs` says more.',
      });
    const { recording, reader } = this.following;
    if (recording.head.figures.summary) return undefined;
    const { count } = recording.index;
    const where = reader.torn ? `of line ${count + 1}` : `of its run, after ${count} events`;
    return new ProtocolError(
      `The events of the run ${run} are cut off: ${this.folder.events} ends in the middle ${where}. ${reason}`,
      { hint: 'What it says before that is shown.' },
    );
  }

  async tell(command: SteeringCommand): Promise<void> {
    await this.#beginning;
    if (!this.#client)
      throw new UsageError(`The run ${this.folder.run} can't be told anything: ${this.#state}`, {
        hint: '`migrascope runs` lists those that run.',
      });
    await this.#client.tell(command);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.view.close();
    await this.#client?.detach();
    await this.#reading;
    await this.file.close();
  }

  async #attach(signal: AbortSignal): Promise<void> {
    const { run, stream } = await attachToRun(this.folder.run, signal);
    const client = new ControlClient(run, stream, {
      event: (event) => this.#told(event),
      log: (message) => this.parts.logger.log('warn', message),
    });
    try {
      const attached = client.attach(NAME, this.following.recording.index.count);
      await cancellable(attached, signal, `Attaching to the run ${run}`);
    } catch (error) {
      client.destroy();
      throw error;
    }
    if (this.#closed) {
      client.destroy();
      return;
    }
    this.#client = client;
    void this.#watch(client);
  }

  /** The engine process says that there is an event; it is in the file. */
  async #told(event: MigrationEvent): Promise<void> {
    await this.#readOn();
    if (event.type === 'verdict' && !event.converged) void this.#askWhetherItAsks();
    const { index } = this.following.recording;
    if (event.seq < index.count || this.#stopped) return;
    this.#stop(
      new ProtocolError(
        `Event ${event.seq} of the run ${this.folder.run} is not in ${this.folder.events}.`,
        { hint: 'The run goes on. Look whether the disk of that file is full, and open it again.' },
      ),
    );
  }

  async #askWhetherItAsks(): Promise<void> {
    try {
      const state = await this.#client?.state();
      if (state && !state.asks) this.view.answered();
    } catch (error) {
      this.parts.logger.log('debug', `asking the run for its state failed: ${messageOf(error)}`);
    }
  }

  async #watch(client: ControlClient): Promise<void> {
    let end: RunEnd | undefined;
    let failure: unknown;
    try {
      end = await client.ended();
    } catch (error) {
      failure = error;
    }
    this.#client = undefined;
    await this.#readOn();
    if (this.#closed) return;
    const { summary } = this.following.recording.head.figures;
    if (!summary && end?.error) failure ??= end.error;
    if (!summary && failure !== undefined) {
      this.#state = 'its engine process is gone.';
      this.view.trouble(failure);
    }
    this.view.end();
  }

  /** Takes what there is of the file; what is after an error is not taken any more. */
  #readOn(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#readToEnd());
    return this.#reading;
  }

  async #readToEnd(): Promise<void> {
    try {
      while (!this.#stopped && !this.#closed) {
        const chunk = await this.file.read(this.#offset, CHUNK);
        if (chunk.length === 0) return;
        this.#offset += chunk.length;
        await this.following.reader.take(chunk);
        if (this.following.recording.head.blocks) this.#diskKnown();
      }
    } catch (error) {
      this.#stop(wrongLine(error, this.folder.events, this.following.recording));
    }
  }

  #stop(error: unknown): void {
    this.#stopped = true;
    if (!this.#closed) this.view.trouble(error);
  }

  #nothingToShow({ reason, state }: RunStatus): UsageError {
    return new UsageError(
      `The run ${this.folder.run} shows no disk: it is ${state}, and had not found its disk. ${reason}`,
      { hint: 'Begin a new migration.' },
    );
  }
}

/** As a controller says it that was attached when it happened. */
function goneError(run: string): ConnectionLostError {
  return new ConnectionLostError(`The engine process of the run ${run} is gone.`, {
    hint: `\`migrascope recover\` says what is left and puts it right; \`migrascope resume ${run}\` goes on with it.`,
  });
}
