/** The legend: what each colour means and how much of the disk it is; a row that is pressed lights its blocks alone. */
import { formatBytes } from '../../src/base/units.js';
import { HATCHED, LAYERS, cssOf, type LayerName, type Palette } from '../../src/heatmap/index.js';
import type { MomentNote } from '../../src/service/types.js';
import { el, setText } from '../dom.js';
import type { Translate } from '../strings.js';
import { stateWords } from './words.js';

export class Legend {
  readonly element = el('ul', { class: 'legend' });
  readonly #bytes: HTMLElement[] = [];
  readonly #buttons: HTMLButtonElement[] = [];
  #reasons = el('ul', { class: 'reasons' });
  #layer: LayerName = 'migration';
  #lit = 0;
  #shown = '';

  /** @param onLit is told a bit for each state that is lit; 0 for all. */
  constructor(
    private readonly t: Translate,
    private readonly onLit: (lit: number) => void,
  ) {
    this.element.setAttribute('aria-label', t('Legend'));
  }

  get lit(): number {
    return this.#lit;
  }

  show(layer: LayerName, palette: Palette): void {
    if (layer !== this.#layer) this.#lit = 0;
    this.#layer = layer;
    const key = JSON.stringify([layer, palette[layer]]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#bytes.length = 0;
    this.#buttons.length = 0;
    this.#reasons = el('ul', { class: 'reasons' });
    const words = stateWords(this.t, layer);
    const rows = LAYERS[layer].map((_, state) => {
      const swatch = el('span', { class: 'swatch', 'aria-hidden': 'true' });
      swatch.style.backgroundColor = cssOf(palette[layer][state]!);
      if (HATCHED[layer].includes(state)) swatch.classList.add('hatched');
      const bytes = el('span', { class: 'bytes' });
      this.#bytes.push(bytes);
      const button = el(
        'button',
        { type: 'button', class: 'legend-row', 'aria-pressed': 'false' },
        swatch,
        el('span', {}, words[state] ?? ''),
        bytes,
      );
      button.addEventListener('click', () => this.#press(state));
      this.#buttons.push(button);
      const row = el('li', {}, button);
      if (layer === 'migration' && state === 5) row.append(this.#reasons);
      return row;
    });
    this.element.replaceChildren(...rows);
    this.light(this.#lit);
  }

  take({ legend, reasons }: MomentNote): void {
    const shares = legend[this.#layer];
    const total = shares.reduce((sum, each) => sum + each, 0);
    shares.forEach((bytes, state) => {
      const cell = this.#bytes[state];
      if (!cell) return;
      const share = total > 0 ? ` · ${((100 * bytes) / total).toFixed(bytes > 0 ? 1 : 0)} %` : '';
      setText(cell, `${formatBytes(bytes)}${share}`);
    });
    const lines = reasons
      .filter(({ bytes }) => bytes > 0)
      .map(({ reason, bytes }) => `${this.t(reason)} · ${formatBytes(bytes)}`);
    const text = lines.join('\n');
    if (this.#reasons.dataset['text'] === text) return;
    this.#reasons.dataset['text'] = text;
    this.#reasons.replaceChildren(...lines.map((line) => el('li', {}, line)));
  }

  /** Lights states without telling it. */
  light(lit: number): void {
    this.#lit = lit;
    this.#buttons.forEach((button, state) => {
      button.setAttribute('aria-pressed', String((lit & (1 << state)) !== 0));
    });
  }

  #press(state: number): void {
    this.light(this.#lit ^ (1 << state));
    this.onLit(this.#lit);
  }
}
