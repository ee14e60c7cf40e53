/** The webview of a map: the entry of its bundle. Shows one source, or two side by side. */
import type { SeekTarget } from '../src/service/types.js';
import { Connection } from './connection.js';
import { el, setText } from './dom.js';
import type { MapSettings, Pane, ToWebview } from './messages.js';
import { PaneView, type PaneState } from './pane.js';
import { translator } from './strings.js';
import './page.css';

interface PageState {
  readonly panes?: readonly PaneState[];
  readonly linked?: boolean;
}

const KEEP_DELAY_MS = 300;

class Page {
  readonly #connection = new Connection((message) => this.#take(message));
  readonly #announcer = el('div', { class: 'announcer', 'aria-live': 'polite' });
  #panes: PaneView[] = [];
  #linked = false;
  #keeping = 0;
  #focused: Pane = 0;

  constructor() {
    document.body.append(this.#announcer);
    new MutationObserver(() => {
      for (const pane of this.#panes) pane.refresh();
    }).observe(document.body, { attributes: true, attributeFilter: ['class'] });
    this.#connection.post({ type: 'ready' });
  }

  #take(message: ToWebview): void {
    switch (message.type) {
      case 'init':
        this.#begin(message);
        return;
      case 'settings':
        this.#settings(message.settings);
        return;
      case 'note':
        this.#panes[message.pane]?.take(message.note);
        return;
      case 'gone':
        this.#panes[message.pane]?.trouble(message.fault);
        return;
      case 'command':
        this.#panes[this.#focused]?.command(message.command);
        return;
      case 'reply':
      case 'fault':
        return;
    }
  }

  #begin({ strings, language, settings, panes }: Extract<ToWebview, { type: 'init' }>): void {
    const t = translator(strings);
    const kept = (this.#connection.state ?? {}) as PageState;
    this.#linked = kept.linked ?? true;
    this.#panes = panes.map(({ title }, index) => {
      const pane = index as Pane;
      const view = new PaneView(
        {
          pane,
          t,
          language,
          ask: this.#connection.askOf(pane),
          post: this.#connection.post,
          announce: (text) => setText(this.#announcer, text),
          changed: () => this.#keep(),
        },
        title,
        (target) => this.#follow(pane, target),
      );
      view.element.addEventListener('focusin', () => (this.#focused = pane));
      view.map.onPoint((block) => this.#panes[1 - pane]?.map.point(block));
      const state = kept.panes?.[index];
      if (state) view.restore(state);
      return view;
    });
    const app = document.getElementById('app') ?? document.body;
    app.classList.toggle('two', panes.length === 2);
    app.replaceChildren(
      ...(panes.length === 2 ? [this.#linkSwitch(t('Link the times'))] : []),
      ...this.#panes.map(({ element }) => element),
    );
    this.#settings(settings);
    this.#keep();
  }

  #linkSwitch(label: string): HTMLElement {
    const box = el('input', { type: 'checkbox' });
    box.checked = this.#linked;
    box.addEventListener('change', () => {
      this.#linked = box.checked;
      this.#keep();
    });
    return el('label', { class: 'link-times' }, box, label);
  }

  /** The other pane goes to the same time, where that is wanted. */
  #follow(pane: Pane, target: SeekTarget): void {
    this.#keep();
    if (!this.#linked || target.to === 'next' || target.to === 'previous' || target.to === 'seq')
      return;
    this.#panes[1 - pane]?.time.go(target, true);
  }

  #settings(settings: MapSettings): void {
    for (const pane of this.#panes) pane.settings(settings);
  }

  #keep(): void {
    clearTimeout(this.#keeping);
    this.#keeping = window.setTimeout(() => {
      const state: PageState = {
        panes: this.#panes.map((pane) => pane.state()),
        linked: this.#linked,
      };
      this.#connection.keep(state);
    }, KEEP_DELAY_MS);
  }

  /** For tests. */
  get panes(): readonly PaneView[] {
    return this.#panes;
  }
}

Object.assign(window, { migrascope: new Page() });
