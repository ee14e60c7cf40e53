/** What is known of the block that was chosen: where it is, its file, its history, and why it waits. */
import { formatBytes, formatDuration } from '../../src/base/units.js';
import {
  CACHE_STATES,
  cacheStateOf,
  dirtiedCountOf,
  migrationStateOf,
  sentCountOf,
} from '../../src/heatmap/index.js';
import type { BlockDetail, BlockEvent } from '../../src/service/types.js';
import type { PartContext } from '../ask.js';
import { iconButton } from '../controls.js';
import { el } from '../dom.js';
import { stateWords } from './words.js';

const MOST_LINES = 60;

export class Inspector {
  readonly element = el('section', { class: 'inspector', hidden: true });
  #asked = 0;

  constructor(
    private readonly context: PartContext,
    private readonly onClose: () => void,
  ) {
    this.element.setAttribute('aria-label', context.t('Block'));
    this.element.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') this.onClose();
    });
  }

  /** Asks and shows; an answer that was overtaken is dropped. */
  async show(block: number): Promise<void> {
    const asked = ++this.#asked;
    const { ask, t } = this.context;
    try {
      const detail = await ask('view.block', { block });
      if (asked === this.#asked) this.#draw(detail);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (asked === this.#asked)
        this.#fill(t('Block {0}', block), el('p', { class: 'quiet' }, message));
    }
  }

  hide(): void {
    this.#asked++;
    this.element.hidden = true;
  }

  #draw(detail: BlockDetail): void {
    const { t } = this.context;
    const { block, offset, length, word, file, why, history, more } = detail;
    const facts: [string, string][] = [
      [t('Offset'), `${offset.toLocaleString(this.context.language)} (${formatBytes(offset)})`],
      [t('Length'), formatBytes(length)],
      [t('State'), stateWords(t, 'migration')[migrationStateOf(word)] ?? ''],
      [t('Page cache'), t(CACHE_STATES[cacheStateOf(word)] ?? 'absent')],
      [t('Sent'), t('{0} times', sentCountOf(word))],
      [t('Dirtied'), t('{0} times', dirtiedCountOf(word))],
    ];
    if (file) {
      const at =
        file.fileOffset === undefined ? '' : t(', from {0} on', formatBytes(file.fileOffset));
      facts.push([t('File'), `${file.path}${at}`]);
    }
    const list = el('dl', {});
    for (const [name, value] of facts) list.append(el('dt', {}, name), el('dd', {}, value));
    const parts: Node[] = [list];
    this.context.announce(facts.map((fact) => fact.join(': ')).join(', '));
    for (const { template, args } of why)
      parts.push(el('p', { class: 'why' }, t(template, ...args)));
    const lines = history.slice(-MOST_LINES).reverse();
    if (lines.length > 0) {
      parts.push(el('h4', {}, more ? t('History (the newest)') : t('History')));
      const rows = lines.map((event) => this.#line(event));
      // It scrolls, and has nothing else to stop at.
      parts.push(el('ol', { class: 'history', tabindex: 0, 'aria-label': t('History') }, ...rows));
    }
    this.#fill(t('Block {0}', block.toLocaleString(this.context.language)), ...parts);
  }

  #line({ t: time, round, what, reason }: BlockEvent): HTMLElement {
    const { t } = this.context;
    const words: Readonly<Record<BlockEvent['what'], string>> = {
      allocated: t('has to be sent'),
      dirty: t('written by the guest'),
      planned: t('planned'),
      deferred: t('deferred'),
      sent: t('sent'),
      'cache-dirty': t('dirty in the page cache'),
      'cache-writeback': t('under writeback'),
    };
    const because = reason === undefined ? '' : `: ${t(reason)}`;
    return el(
      'li',
      {},
      el('span', { class: 'when' }, `${formatDuration(time)} · ${t('round {0}', round)}`),
      `${words[what]}${because}`,
    );
  }

  #fill(title: string, ...parts: readonly Node[]): void {
    const close = iconButton('close', this.context.t('Close'), this.onClose);
    this.element.replaceChildren(el('header', {}, el('h3', {}, title), close), ...parts);
    this.element.hidden = false;
  }
}
