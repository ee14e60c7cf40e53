/** The views of a migration for those who cannot be redrawn: lines of text, and lines of JSON. */
import type { MigrationEvent } from '../../engine/index.js';
import { JsonLines } from '../json-lines.js';
import type { World } from '../world.js';
import { ViewModel } from './model.js';
import { plainLines } from './plain.js';
import { renderSummary } from './render-summary.js';
import type { RunView } from './run-view.js';
import { createStyle, printable, wantsColours } from './style.js';

const WIDTH = 80;

export interface LineViewOptions {
  readonly world: World;
  /** Is called when nobody reads the output any more. */
  onReaderGone(error: Error): void;
}

/** Text, for a pipe, a log or a terminal that cannot move its cursor. */
export class PlainView implements RunView {
  readonly model = new ViewModel();
  #closed = false;

  constructor(private readonly options: LineViewOptions) {
    options.world.stdout.on('error', (error: Error) => options.onReaderGone(error));
  }

  readonly sink = (event: MigrationEvent): void => {
    this.model.apply(event);
    this.#write(plainLines(event, this.model));
  };

  ready(): Promise<void> {
    return Promise.resolve();
  }

  note(message: string): void {
    this.#write([printable(message)]);
  }

  close(): Promise<void> {
    if (!this.#closed) {
      const { stdout, env } = this.options.world;
      const style = createStyle(wantsColours(stdout, env));
      const lines = renderSummary(this.model, stdout.columns ?? WIDTH, style);
      this.#write(lines.length > 0 ? ['', ...lines] : []);
    }
    this.#closed = true;
    return Promise.resolve();
  }

  #write(lines: readonly string[]): void {
    for (const line of lines) this.options.world.stdout.write(`${line}\n`);
  }
}

/** Each event as a line of JSON on stdout; what is no event goes to stderr. */
export class JsonView implements RunView {
  readonly #lines: JsonLines;

  constructor(private readonly options: LineViewOptions) {
    this.#lines = new JsonLines(options.world.stdout, (error) => options.onReaderGone(error));
  }

  readonly sink = (event: MigrationEvent): void => {
    this.#lines.write(event);
  };

  ready(signal: AbortSignal): Promise<void> {
    return this.#lines.ready(signal);
  }

  note(message: string): void {
    this.options.world.stderr.write(`migrascope: ${printable(message)}\n`);
  }

  close(): Promise<void> {
    return this.#lines.flushed();
  }
}
