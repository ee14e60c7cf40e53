/** The end of a migration: what became of it, its figures, and why it took as long as it did; and notes on the way. */
import { formatBytes, formatDuration } from '../src/base/units.js';
import type { MomentNote, SummaryFigures } from '../src/service/types.js';
import type { PartContext } from './ask.js';
import { el } from './dom.js';

export class Summary {
  readonly element = el('section', { class: 'summary', hidden: true });
  readonly notes = el('ul', { class: 'notes' });
  #shown = '';

  constructor(private readonly context: PartContext) {
    this.notes.setAttribute('aria-label', context.t('Notes'));
  }

  take({ summary, error, notes }: MomentNote): void {
    const key = JSON.stringify([summary, error, notes]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.notes.replaceChildren(
      ...notes
        .slice(-20)
        .map(({ message, hint }) =>
          el('li', {}, hint === undefined ? message : `${message} ${hint}`),
        ),
    );
    this.element.hidden = summary === undefined && error === undefined;
    const { t } = this.context;
    const parts: Node[] = [];
    if (summary) parts.push(el('h3', { class: summary.outcome }, this.#title(summary)));
    if (error)
      parts.push(el('p', { class: 'fault' }, `${error.message} ${error.hint ?? ''}`.trim()));
    if (summary) {
      const list = el('dl', {});
      for (const [name, value] of this.#figures(summary))
        list.append(el('dt', {}, name), el('dd', {}, value));
      parts.push(list);
      if (summary.why.length > 0)
        parts.push(
          el('h4', {}, t('Why')),
          el(
            'ul',
            { class: 'why' },
            ...summary.why.map(({ template, args }) => el('li', {}, t(template, ...args))),
          ),
        );
    }
    this.element.replaceChildren(...parts);
  }

  #title({ outcome, switchedOver }: SummaryFigures): string {
    const { t } = this.context;
    switch (outcome) {
      case 'completed':
        return switchedOver
          ? t('Completed: the guest goes on with the destination')
          : t('Completed: a point-in-time copy');
      case 'cancelled':
        return t('Cancelled: the guest is on its source');
      case 'failed':
        return t('Failed');
    }
  }

  #figures(summary: SummaryFigures): [string, string][] {
    const { t } = this.context;
    const guests = {
      running: t('running'),
      paused: t('paused'),
      gone: t('gone'),
      unknown: t('not known'),
    };
    const held =
      summary.heldMs >= 1 ? t(', {0} of it held by a person', formatDuration(summary.heldMs)) : '';
    const verified = summary.verified
      ? t('equal, {0} compared', formatBytes(summary.verifiedBytes))
      : t('not compared');
    const rows: [string, string][] = [
      [
        t('Sent'),
        t(
          '{0}, of {1} distinct',
          formatBytes(summary.sentBytes),
          formatBytes(summary.distinctBytes),
        ),
      ],
      [
        t('Sent again'),
        t(
          '{0}; send amplification {1}',
          formatBytes(summary.resentBytes),
          summary.sendAmplification.toFixed(2),
        ),
      ],
      [t('Deferred'), formatBytes(summary.deferredBytes)],
      [t('Rounds'), `${summary.rounds}`],
      [t('Time'), formatDuration(summary.totalMs)],
      [t('Downtime'), `${formatDuration(summary.downtimeMs)}${held}`],
      [t('Verified'), verified],
      [t('Guest'), guests[summary.guest]],
    ];
    if (summary.plainBytes !== null)
      rows.push([
        t('Plain pre-copy'),
        summary.plainIsLowerBound
          ? t('would have sent at least {0}', formatBytes(summary.plainBytes))
          : t('would have sent {0}', formatBytes(summary.plainBytes)),
      ]);
    return rows;
  }
}
