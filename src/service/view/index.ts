/** The door of views: a run, a trace or a watched disk, at any moment of it. */
import { UsageError } from '../../base/errors.js';
import type { Handlers } from '../server.js';
import type { FileFigures, FileRegion, ServiceMethod, ViewSource } from '../types.js';
import { blockDetail } from './block-detail.js';
import type { Cells } from './cells.js';
import { filesCsv, roundsCsv, seriesCsv } from './csv.js';
import { fileFiguresOf, regionOfFile, regionsOf } from './file-figures.js';
import { openRunSource } from './run-source.js';
import type { OpenedSource, SourceParts } from './source.js';
import { openTrace } from './trace-source.js';
import { openWatch } from './watch-source.js';

/** Files that are told of in an answer. */
const MOST_REGIONS = 200;

export function viewHandlers(
  parts: SourceParts,
): Handlers<Extract<ServiceMethod, `view.${string}`>> {
  const session = new Session(parts);
  return {
    'view.open': (source, signal) => session.open(source, signal),
    'view.seek': async (target, signal) => session.source.view.seek(target, signal),
    'view.block': async ({ block }, signal) => session.block(block, signal),
    'view.files': async ({ most }) => (await session.files()).slice(0, most),
    'view.regions': async ({ first, count }) => {
      const { cells, shown } = session.known();
      return Promise.resolve(regionsOf(shown, cells, first, count, MOST_REGIONS));
    },
    'view.file': async ({ id }) => Promise.resolve(session.file(id)),
    'view.tell': async (command) => {
      await session.source.tell(command);
      return undefined;
    },
    'view.csv': ({ what }) => session.csv(what),
  };
}

/** The one source that this process shows. */
class Session {
  #source: OpenedSource | undefined;
  #asked = false;

  constructor(private readonly parts: SourceParts) {}

  /** @throws UsageError before it is opened. */
  get source(): OpenedSource {
    if (this.#source) return this.#source;
    throw new UsageError('Nothing is opened yet.', { hint: 'Wait until the view has opened.' });
  }

  async open(source: ViewSource, signal: AbortSignal): Promise<undefined> {
    if (this.#asked)
      throw new UsageError('A source was opened already.', {
        hint: 'Another one needs a process of its own.',
      });
    this.#asked = true;
    this.#source = await this.#opened(source, signal);
    return undefined;
  }

  /** @throws UsageError before the disk is known. */
  known(): { readonly cells: Cells; readonly shown: OpenedSource['view']['shown'] } {
    const { cells, shown } = this.source.view;
    if (cells) return { cells, shown };
    throw new UsageError('The disk is not known yet.', { hint: 'Let the run go on.' });
  }

  /** A block by its number, or the first of a cell. */
  async block(block: number, signal: AbortSignal) {
    const { recording, shown } = this.source.view;
    return blockDetail(recording, shown, block, signal);
  }

  async files(): Promise<readonly FileFigures[]> {
    const { recording, shown } = this.source.view;
    const { cacheSeq } = shown.figures;
    const look = cacheSeq < 0 ? undefined : await recording.event(cacheSeq);
    return fileFiguresOf(shown, look?.type === 'cache' ? look : undefined);
  }

  file(id: string): FileRegion {
    const { cells, shown } = this.known();
    const number = shown.names.find(id);
    if (number === undefined)
      throw new UsageError(`No look at the page cache told of a file ${id}.`, {
        hint: 'Choose one of the files that are listed.',
      });
    return regionOfFile(shown, cells, number);
  }

  async csv(what: 'rounds' | 'series' | 'files'): Promise<string> {
    const { recording, shown } = this.source.view;
    const { pendingBytes, deferredBytes } = shown.blocks ?? { pendingBytes: 0, deferredBytes: 0 };
    switch (what) {
      case 'rounds':
        return roundsCsv(shown.figures.allRounds({ pendingBytes, deferredBytes }));
      case 'series':
        return seriesCsv(recording.series.columns());
      case 'files':
        return filesCsv(await this.files());
    }
  }

  #opened(source: ViewSource, signal: AbortSignal): Promise<OpenedSource> {
    switch (source.type) {
      case 'run':
        return openRunSource(source.run, this.parts, signal);
      case 'trace':
        return openTrace(source.path, this.parts);
      case 'watch':
        return openWatch(source, this.parts, signal);
    }
  }
}
