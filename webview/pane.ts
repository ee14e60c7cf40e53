/** One source: its head, its map, its program, its charts and its time. */
import { formatBytes, formatDuration } from '../src/base/units.js';
import type { Fault, HeaderNote, MomentNote, SeekTarget, ViewNote } from '../src/service/types.js';
import type { PartContext } from './ask.js';
import { Charts } from './charts.js';
import { iconButton, toolbar } from './controls.js';
import { el, setText } from './dom.js';
import { createMapView, type MapState, type MapView } from './map/index.js';
import type { MapSettings, ViewCommand } from './messages.js';
import { Program } from './program.js';
import { Summary } from './summary.js';
import { TimeBar } from './time-bar.js';

/** What of a pane is kept over a reload. */
export interface PaneState {
  readonly map?: MapState;
  /** Milliseconds of the run; absent where it follows what comes. */
  readonly t?: number;
}

export class PaneView {
  readonly element = el('section', { class: 'pane' });
  readonly map: MapView;
  readonly time: TimeBar;
  readonly #program: Program;
  readonly #charts: Charts;
  readonly #summary: Summary;
  readonly #title = el('h2');
  readonly #facts = el('span', { class: 'quiet' });
  readonly #stateWords = el('span');
  readonly #badge = el(
    'vscode-badge',
    { variant: 'counter' },
    el('span', { class: 'dot' }),
    this.#stateWords,
  );
  readonly #banner = el('div', { class: 'banner', role: 'alert', hidden: true });
  readonly #empty: HTMLElement;
  #header: HeaderNote | undefined;
  #moment: MomentNote | undefined;
  #alive = true;
  /** What the banner says is over with the next moment. */
  #passing = false;
  #restored: PaneState = {};

  /**
   * @param title empty for that of the source.
   * @param onSeek is told where the person went.
   */
  constructor(
    private readonly context: PartContext,
    private readonly title: string,
    onSeek: (target: SeekTarget) => void,
  ) {
    const { t } = context;
    this.map = createMapView(context);
    this.time = new TimeBar(context, onSeek);
    this.#program = new Program(context);
    this.#charts = new Charts(context, (at) => this.time.go({ to: 'time', t: at }));
    this.#summary = new Summary(context);
    this.#empty = el('p', { class: 'empty' }, t('Opening …'));
    setText(this.#title, title);
    this.element.setAttribute('aria-label', title);
    const tools = toolbar(
      t('Save and copy'),
      iconButton('table', t('Save the rounds as CSV'), () => void this.#csv('rounds')),
      iconButton(
        'graph-line',
        t('Save the figures over time as CSV'),
        () => void this.#csv('series'),
      ),
      iconButton('device-camera', t('Save the map as PNG'), () => this.map.command('savePng')),
      iconButton('copy', t('Copy the legend as a table'), () => this.map.command('copyTable')),
    );
    const side = el(
      'div',
      { class: 'side' },
      this.#summary.element,
      this.#program.element,
      this.#summary.notes,
      this.#charts.element,
    );
    this.element.append(
      el('header', { class: 'head' }, this.#title, this.#badge, this.#facts, tools),
      this.#banner,
      this.#empty,
      el(
        'div',
        { class: 'body' },
        el('div', { class: 'center' }, this.map.element, this.time.element),
        side,
      ),
    );
  }

  take(note: ViewNote): void {
    switch (note.type) {
      case 'header':
        this.#begin(note);
        break;
      case 'cells':
        this.map.take(note);
        return;
      case 'moment':
        this.#moment = note;
        if (this.#passing) this.#banner.hidden = true;
        this.map.take(note);
        this.#program.take(note);
        this.#charts.take(note);
        this.#summary.take(note);
        this.time.take(note);
        break;
      case 'timeline':
        this.#alive = note.alive;
        this.#program.take(note);
        this.time.take(note);
        this.#goBack();
        break;
      case 'series':
        this.#charts.take(note);
        return;
      case 'trouble':
        this.#passing = note.passing === true;
        this.trouble(note.error);
        return;
    }
    this.#show();
  }

  /** The source can't be followed any more; what is shown stays. */
  trouble({ message, hint }: Fault): void {
    this.#banner.hidden = false;
    this.#empty.hidden = this.#header !== undefined;
    setText(this.#empty, this.context.t('There is nothing to show.'));
    this.#banner.replaceChildren(
      el('span', { class: 'codicon codicon-warning', 'aria-hidden': 'true' }),
      el('span', {}, hint === undefined ? message : `${message} ${hint}`),
    );
    this.#show();
  }

  settings(settings: MapSettings): void {
    this.map.setSettings(settings);
  }

  command(command: ViewCommand): void {
    if (command === 'play') this.time.toggle();
    else if (command === 'stepForward') this.time.step('next');
    else if (command === 'stepBack') this.time.step('previous');
    else if (command === 'live') this.time.live();
    else this.map.command(command);
  }

  state(): PaneState {
    const at = this.#moment && !this.#moment.live ? { t: this.#moment.t } : {};
    return { map: this.map.state(), ...at };
  }

  restore(state: PaneState): void {
    this.#restored = state;
    if (state.map) this.map.restore(state.map);
  }

  /** The theme changed. */
  refresh(): void {
    this.map.refresh();
    this.#charts.refresh();
  }

  #begin(header: HeaderNote): void {
    this.#header = header;
    this.#empty.hidden = true;
    this.map.take(header);
    this.#program.take(header);
  }

  /** To the moment that was shown before a reload, once it is there. */
  #goBack(): void {
    const { t } = this.#restored;
    if (t === undefined) return;
    this.#restored = {};
    this.time.go({ to: 'time', t });
  }

  #show(): void {
    const { t } = this.context;
    const header = this.#header;
    if (header) {
      const title = this.title === '' ? header.title : this.title;
      setText(this.#title, title);
      this.element.setAttribute('aria-label', title);
      const { disk, run, granularity } = header;
      const facts = [
        `${disk.name}, ${formatBytes(disk.size)}`,
        t('blocks of {0}', formatBytes(granularity)),
        ...(run ? [t('policy {0}', run.policy), `→ ${run.destination}`] : [header.host]),
      ];
      setText(this.#facts, facts.join(' · '));
      this.#facts.title = facts.join('\n');
    } else if (this.#moment?.heldSince !== undefined) {
      setText(
        this.#empty,
        t(
          'The migration is held before statement {0}. The disk is known once it has connected: step, or let it run.',
          this.#moment.line,
        ),
      );
    }
    this.element.classList.toggle('no-map', header === undefined);
    this.element.classList.toggle('nothing', header === undefined && this.#moment === undefined);
    this.#showState(...this.#state());
  }

  #showState(words: string, kind: string): void {
    // How long the guest is paused goes on changing; that it is, is said once.
    const news = kind !== this.#badge.dataset['kind'] || kind !== 'paused';
    if (news && words !== this.#stateWords.textContent) this.context.announce(words);
    setText(this.#stateWords, words);
    this.#badge.dataset['kind'] = kind;
  }

  #state(): [string, string] {
    const { t } = this.context;
    const moment = this.#moment;
    if (!moment) return [t('opening'), 'quiet'];
    if (moment.summary) {
      const { outcome } = moment.summary;
      return [
        outcome === 'completed'
          ? t('completed')
          : outcome === 'cancelled'
            ? t('cancelled')
            : t('failed'),
        outcome,
      ];
    }
    if (moment.pausedSince !== undefined)
      return [
        t(
          'the guest is paused, for {0}',
          formatDuration(Math.max(0, moment.t - moment.pausedSince)),
        ),
        'paused',
      ];
    if (moment.heldSince !== undefined) return [t('held at statement {0}', moment.line), 'held'];
    if (!moment.live) return [t('a moment before'), 'quiet'];
    return this.#alive
      ? [this.#header?.kind === 'watch' ? t('watching') : t('round {0}', moment.round), 'live']
      : [t('recording'), 'quiet'];
  }

  async #csv(what: 'rounds' | 'series'): Promise<void> {
    try {
      const text = await this.context.ask('view.csv', { what });
      this.context.post({ type: 'save', name: `${what}.csv`, content: { text } });
    } catch (error) {
      this.context.announce(error instanceof Error ? error.message : String(error));
    }
  }
}
