/** The tools over a map: layer, layout, zoom, and the way to a block. */
import { iconButton, textField, toolbar, type TextField } from '../controls.js';
import { el, setText } from '../dom.js';
import type { MapSettings } from '../messages.js';
import type { Translate } from '../strings.js';
import { layerWords } from './words.js';

export interface ToolbarListener {
  readonly layer: (layer: MapSettings['layer']) => void;
  readonly toggleLayout: () => void;
  readonly zoom: (factor: number) => void;
  readonly zoomWhole: () => void;
  readonly goTo: (text: string) => void;
}

export class MapToolbar {
  readonly element: HTMLElement;
  readonly #layers = el('select', { class: 'select' });
  readonly #goTo: TextField;
  readonly #scale = el('span', { class: 'quiet scale' });

  constructor(t: Translate, listener: ToolbarListener) {
    for (const [layer, words] of layerWords(t))
      this.#layers.append(el('option', { value: layer }, words));
    this.#layers.setAttribute('aria-label', t('Layer'));
    this.#layers.addEventListener('change', () =>
      listener.layer(this.#layers.value as MapSettings['layer']),
    );
    this.#goTo = textField(
      t('Go to a block by its number, or to an offset such as 1GiB'),
      t('Block or offset …'),
    );
    this.#goTo.classList.add('go-to');
    this.#goTo.addEventListener('change', () => listener.goTo(this.#goTo.value));
    this.element = toolbar(
      t('Map'),
      this.#layers,
      iconButton('layout', t('Hilbert curve or rows'), listener.toggleLayout),
      iconButton('zoom-in', t('Zoom in'), () => listener.zoom(2)),
      iconButton('zoom-out', t('Zoom out'), () => listener.zoom(0.5)),
      iconButton('screen-full', t('Show the whole disk'), listener.zoomWhole),
      this.#goTo,
      this.#scale,
    );
  }

  showLayer(layer: MapSettings['layer']): void {
    this.#layers.value = layer;
  }

  showScale(words: string): void {
    setText(this.#scale, words);
  }

  focusGoTo(): void {
    this.#goTo.focus();
  }
}
