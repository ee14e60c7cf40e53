/** Finding a guest file on the map, and the files that were sent again most. */
import { formatBytes } from '../../src/base/units.js';
import type { FileFigures } from '../../src/service/types.js';
import type { PartContext } from '../ask.js';
import { iconButton } from '../controls.js';
import { el } from '../dom.js';

const MOST_FILES = 100;
const MOST_ROWS = 20;
const REFRESH_DELAY_MS = 1500;

export class Files {
  readonly element = el('section', { class: 'files' });
  readonly #input: HTMLInputElement;
  readonly #names: HTMLDataListElement;
  readonly #rows = el('tbody');
  readonly #table: HTMLElement;
  readonly #state = el('p', { class: 'quiet', role: 'status' });
  #files: readonly FileFigures[] = [];
  #chosen: string | undefined;
  #waiting = false;

  /** @param onCells is given the cells of the file that is lit; undefined for none. */
  constructor(
    private readonly context: PartContext,
    private readonly onCells: (cells: Uint32Array | undefined) => void,
  ) {
    const { t, pane } = context;
    const id = `files-${pane}`;
    this.#names = el('datalist', { id });
    this.#input = el('input', {
      ...{ type: 'text', list: id, class: 'text-input' },
      placeholder: t('Find a guest file …'),
      'aria-label': t('Find a guest file'),
    });
    this.#input.addEventListener('focus', () => void this.refresh());
    this.#input.addEventListener('change', () => void this.#find(this.#input.value));
    const clear = iconButton('clear-all', t('Light all blocks again'), () => this.clear());
    const head = el(
      'tr',
      {},
      ...[t('File'), t('Dirty'), t('Sent'), t('Sent again')].map((text) =>
        el('th', { scope: 'col' }, text),
      ),
    );
    const caption = el('caption', {}, t('Files sent again most'));
    this.#table = el('table', { hidden: true }, caption, el('thead', {}, head), this.#rows);
    this.element.append(
      el('div', { class: 'find' }, this.#input, this.#names, clear),
      this.#state,
      this.#table,
    );
  }

  focus(): void {
    this.#input.focus();
  }

  get chosen(): string | undefined {
    return this.#chosen;
  }

  clear(): void {
    this.#chosen = undefined;
    this.#input.value = '';
    this.#state.textContent = '';
    this.onCells(undefined);
    this.context.changed();
  }

  /** Asks in a moment, once for all that ask until then. */
  refreshSoon(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    setTimeout(() => {
      void this.refresh().finally(() => (this.#waiting = false));
    }, REFRESH_DELAY_MS);
  }

  async refresh(): Promise<void> {
    this.#files = await this.context
      .ask('view.files', { most: MOST_FILES })
      .catch(() => this.#files);
    this.#names.replaceChildren(...this.#files.map(({ path }) => el('option', { value: path })));
    this.#table.hidden = this.#files.length === 0;
    const { activeElement } = document;
    const at = this.#rows.contains(activeElement) ? activeElement?.getAttribute('title') : null;
    this.#rows.replaceChildren(...this.#files.slice(0, MOST_ROWS).map((file) => this.#row(file)));
    [...this.#rows.querySelectorAll('button')].find(({ title }) => title === at)?.focus();
  }

  #row(file: FileFigures): HTMLElement {
    const name = el('button', { type: 'button', class: 'link', title: file.path }, file.path);
    name.addEventListener('click', () => void this.choose(file.id, file.path));
    const figures = [file.dirtyBytes, file.sentBytes, file.resentBytes];
    return el(
      'tr',
      {},
      el('td', {}, name),
      ...figures.map((bytes) => el('td', { class: 'number' }, formatBytes(bytes))),
    );
  }

  /** Lights a file's blocks. */
  async choose(id: string, path = id): Promise<void> {
    const { t, ask, changed } = this.context;
    try {
      const region = await ask('view.file', { id });
      let cells = 0;
      for (let index = 1; index < region.cells.length; index += 2) cells += region.cells[index]!;
      this.#chosen = id;
      this.#input.value = path === id ? region.path : path;
      this.#state.textContent = t(
        '{0} cells are lit.',
        cells.toLocaleString(this.context.language),
      );
      this.onCells(region.cells);
      changed();
    } catch (error) {
      this.#state.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  async #find(text: string): Promise<void> {
    if (text.trim() === '') {
      this.clear();
      return;
    }
    const found =
      this.#files.find(({ path }) => path === text) ??
      this.#files.find(({ path }) => path.includes(text));
    if (found) {
      await this.choose(found.id, found.path);
      return;
    }
    this.#state.textContent = this.context.t(
      'No file that was seen in the page cache is called so.',
    );
  }
}
