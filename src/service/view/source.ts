/** What a view needs of where its events come from, and what all sources have in common. */
import { ProtocolError, UsageError } from '../../base/errors.js';
import type { ServiceParts } from '../parts.js';
import type { SteeringCommand, ViewNote, ViewSource } from '../types.js';
import type { EventFile } from './event-file.js';
import { Reader } from './reader.js';
import { Recording } from './recording.js';
import { View } from './view.js';

export interface SourceParts extends ServiceParts {
  readonly note: (note: ViewNote) => void;
}

/** A source that is shown. */
export interface OpenedSource {
  readonly view: View;
  /**
   * Tells the run something.
   * @throws UsageError when there is no run that could be told; as ControlClient.tell.
   */
  tell(command: SteeringCommand): Promise<void>;
  /** Lets go of what the source holds. Idempotent; never throws. */
  close(): Promise<void>;
}

/** A view of a file of events that is read as it comes. */
export interface Following {
  readonly recording: Recording;
  readonly view: View;
  readonly reader: Reader;
}

export function follow(
  file: EventFile,
  kind: ViewSource['type'],
  title: string,
  { clock, note }: SourceParts,
): Following {
  const recording = new Recording(file, kind === 'watch', clock);
  const view = new View(recording, { clock, kind, title, note });
  const reader = new Reader(recording, clock, () => view.news());
  return { recording, view, reader };
}

/** What can't be told to a source that is no run. */
export function notARun(what: string): UsageError {
  return new UsageError(`${what} can't be told anything: it is not a migration that runs.`, {
    hint: 'Start a migration, or open one that runs.',
  });
}

/** How the reading of a file of events stopped, told by the line; other errors as they are. */
export function wrongLine(error: unknown, what: string, { index }: Recording): unknown {
  if (!(error instanceof ProtocolError)) return error;
  return new ProtocolError(`${what} is wrong in line ${index.count + 1}: ${error.message}`, {
    cause: error,
    hint: 'What it says before that line is shown.',
  });
}
