/** Charts of a migration over time, and of its rounds; a click goes to that moment. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatBytes, formatDuration, formatRate } from '../src/base/units.js';
import type { MomentNote, SeriesNote } from '../src/service/types.js';
import type { PartContext } from './ask.js';
import { el } from './dom.js';

type Column = keyof SeriesNote['columns'];
interface Line {
  readonly column: Column | 'real';
  readonly label: string;
  readonly colour: string;
  readonly dash?: number[];
}
interface ChartPlan {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
}

const HEIGHT = 130;

export class Charts {
  readonly element = el('section', { class: 'charts' });
  readonly #columns = new Map<Column, number[]>();
  readonly #plots: {
    readonly plan: ChartPlan;
    readonly room: HTMLElement;
    readonly section: HTMLElement;
    plot: uPlot;
  }[] = [];
  readonly #plans: readonly ChartPlan[];
  readonly #rounds = el('table', { class: 'rounds' });
  readonly #roundsRoom = el('div', { class: 'scroll', role: 'region', tabindex: 0, hidden: true });
  #now = 0;
  #ended: number | undefined;
  #waiting = false;
  readonly #resized = new ResizeObserver(() => this.#resize());

  /** @param onSeek is given milliseconds of the run. */
  constructor(
    private readonly context: PartContext,
    private readonly onSeek: (t: number) => void,
  ) {
    const { t } = context;
    const chart = (name: string): string => `--vscode-charts-${name}`;
    this.#plans = [
      {
        title: t('Pending'),
        format: formatBytes,
        lines: [
          { column: 'pending', label: t('pending'), colour: chart('blue') },
          { column: 'deferred', label: t('deferred'), colour: chart('purple') },
          {
            column: 'cacheDirty',
            label: t('dirty in the page cache'),
            colour: chart('red'),
            dash: [4, 3],
          },
        ],
      },
      {
        title: t('Dirty rate and bandwidth'),
        format: formatRate,
        lines: [
          { column: 'dirtyRate', label: t('dirty rate'), colour: chart('red') },
          { column: 'bandwidth', label: t('bandwidth'), colour: chart('green') },
        ],
      },
      {
        title: t('Sent and sent again'),
        format: formatBytes,
        lines: [
          { column: 'sent', label: t('sent'), colour: chart('green') },
          { column: 'resent', label: t('sent again'), colour: chart('yellow'), dash: [4, 3] },
        ],
      },
      {
        title: t('Forecast of the remaining time'),
        format: formatDuration,
        lines: [
          { column: 'remaining', label: t('forecast'), colour: chart('blue') },
          { column: 'real', label: t('as it was'), colour: chart('green'), dash: [4, 3] },
        ],
      },
    ];
    for (const plan of this.#plans) this.element.append(this.#section(plan));
    this.#roundsRoom.setAttribute('aria-label', t('Rounds'));
    this.#roundsRoom.append(this.#rounds);
    this.element.append(this.#roundsRoom);
    this.#resized.observe(this.element);
  }

  take(note: SeriesNote | MomentNote): void {
    if (note.type === 'series') {
      for (const [name, added] of Object.entries(note.columns)) {
        const kept = this.#columns.get(name as Column)?.slice(0, note.from) ?? [];
        this.#columns.set(name as Column, [...kept, ...added]);
      }
    } else {
      this.#now = note.t;
      if (note.summary) this.#ended = note.t;
      this.#drawRounds(note);
    }
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#draw();
    });
  }

  /** The theme changed: colours are read anew. */
  refresh(): void {
    for (const each of this.#plots) {
      each.plot.destroy();
      each.plot = this.#make(each.plan, each.room);
    }
    this.#draw();
  }

  #section(plan: ChartPlan): HTMLElement {
    const room = el('div', { class: 'chart', role: 'img' });
    room.setAttribute('aria-label', plan.title);
    const legend = el('p', { class: 'chart-legend' });
    for (const { label, colour } of plan.lines) {
      const swatch = el('span', { class: 'swatch', 'aria-hidden': 'true' });
      swatch.style.backgroundColor = `var(${colour})`;
      legend.append(el('span', {}, swatch, label));
    }
    const section = el('details', { open: true }, el('summary', {}, plan.title), legend, room);
    this.#plots.push({ plan, room, section, plot: this.#make(plan, room) });
    return section;
  }

  #make(plan: ChartPlan, room: HTMLElement): uPlot {
    const style = getComputedStyle(document.body);
    const colour = (name: string, otherwise: string): string =>
      style.getPropertyValue(name).trim() || otherwise;
    const text = colour('--vscode-foreground', '#888');
    const grid = { stroke: colour('--vscode-widget-border', 'rgb(128 128 128 / 25%)'), width: 1 };
    const font = `11px ${colour('--vscode-font-family', 'sans-serif')}`;
    return new uPlot(
      {
        width: Math.max(120, room.clientWidth || 320),
        height: HEIGHT,
        legend: { show: false },
        scales: { x: { time: false } },
        cursor: { sync: { key: `pane-${this.context.pane}` }, drag: { x: false, y: false } },
        axes: [
          {
            stroke: text,
            grid,
            font,
            size: 32,
            values: (_, ticks) => ticks.map((tick) => formatDuration(tick)),
          },
          {
            stroke: text,
            grid,
            font,
            size: 78,
            values: (_, ticks) => ticks.map((tick) => plan.format(tick)),
          },
        ],
        series: [
          {},
          ...plan.lines.map(({ label, colour: name, dash }) => ({
            label,
            stroke: colour(name, '#888'),
            width: 1.5,
            ...(dash ? { dash } : {}),
            points: { show: false },
          })),
        ],
        hooks: {
          draw: [(plot) => this.#drawNow(plot)],
          ready: [
            (plot) =>
              plot.over.addEventListener('click', () => {
                this.onSeek(plot.posToVal(plot.cursor.left ?? 0, 'x'));
              }),
          ],
        },
      },
      this.#dataOf(plan),
      room,
    );
  }

  #dataOf({ lines }: ChartPlan): uPlot.AlignedData {
    const times = this.#columns.get('t') ?? [];
    const known = (value: number): number | null => (Number.isFinite(value) ? value : null);
    return [
      times,
      ...lines.map(({ column }) =>
        column === 'real'
          ? times.map((t) => (this.#ended === undefined ? null : Math.max(0, this.#ended - t)))
          : (this.#columns.get(column) ?? []).map(known),
      ),
    ];
  }

  #draw(): void {
    for (const { plan, plot, section } of this.#plots) {
      const data = this.#dataOf(plan);
      const known = data
        .slice(1)
        .some((line) => [...line].some((value) => typeof value === 'number'));
      section.hidden = !known;
      if (known) plot.setData(data);
    }
  }

  /** The moment that is shown, as a line. */
  #drawNow(plot: uPlot): void {
    const x = Math.round(plot.valToPos(this.#now, 'x', true));
    const { ctx, bbox } = plot;
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.save();
    ctx.strokeStyle =
      getComputedStyle(document.body).getPropertyValue('--vscode-focusBorder') || '#08f';
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  #resize(): void {
    for (const { plot, room } of this.#plots)
      if (room.clientWidth > 0) plot.setSize({ width: room.clientWidth, height: HEIGHT });
  }

  #drawRounds({ rounds }: MomentNote): void {
    const { t } = this.context;
    const key = JSON.stringify(rounds);
    if (this.#rounds.dataset['rows'] === key) return;
    this.#rounds.dataset['rows'] = key;
    this.#roundsRoom.hidden = rounds.length === 0;
    const titles = [
      t('Round'),
      t('Sent'),
      t('Again'),
      t('Deferred'),
      t('Pending'),
      t('Dirty rate'),
      t('Time'),
    ];
    const rows = rounds
      .slice(-100)
      .map((round) =>
        el(
          'tr',
          { class: round.running ? 'running' : '' },
          ...[
            `${round.round}${round.final ? ` (${t('last')})` : ''}`,
            formatBytes(round.sentBytes),
            formatBytes(round.resentBytes),
            formatBytes(round.deferredBytes),
            formatBytes(round.pendingBytes),
            formatRate(round.dirtyRate),
            formatDuration(round.durationMs),
          ].map((text) => el('td', { class: 'number' }, text)),
        ),
      );
    this.#rounds.replaceChildren(
      el('caption', {}, t('Rounds')),
      el('thead', {}, el('tr', {}, ...titles.map((text) => el('th', { scope: 'col' }, text)))),
      el('tbody', {}, ...rows),
    );
  }
}
