/** The end of a migration, as the person reads it. */
import type { SummaryEvent } from '../../engine/index.js';
import { formatBytes, formatDuration, formatShare } from '../../base/units.js';
import type { ViewModel } from './model.js';
import { printable, wrap, type Style } from './style.js';

const LABEL = 17;

/** Lines of at most `width` characters; empty while there is no summary, and when nothing was begun. */
export function renderSummary(model: ViewModel, width: number, style: Style): string[] {
  const { summary, start } = model;
  if (!summary || !start) return [];
  const rows: [string, string][] = [
    ...sendingRows(summary),
    ...plainRow(summary),
    ['rounds', `${summary.rounds}${unconverged(summary) ? ', without convergence' : ''}`],
    ['total time', formatDuration(summary.totalMs)],
    ['downtime', downtimeOf(model, summary)],
    ['verified', verifiedOf(model, summary)],
    ['probe', printable(summary.probe) + (summary.fallback ? ', lost on the way' : '')],
    ['guest', guestOf(summary)],
    ['destination', destinationOf(model, summary)],
  ];
  const lines = rows.flatMap(([label, text]) =>
    wrap(text, Math.max(20, width - LABEL - 2)).map(
      (line, i) => `  ${style.quiet((i === 0 ? label : '').padEnd(LABEL))}${line}`,
    ),
  );
  return [...headline(model, summary, width, style), '', ...lines, ...loudly(model, width, style)];
}

function headline(model: ViewModel, summary: SummaryEvent, width: number, style: Style): string[] {
  const text = headlineText(model, summary);
  const paint =
    summary.outcome === 'completed'
      ? style.good
      : summary.outcome === 'failed'
        ? style.bad
        : style.warning;
  return wrap(text, width).map((line) => style.strong(paint(line)));
}

function headlineText(model: ViewModel, summary: SummaryEvent): string {
  const disk = printable(model.start?.disk.name ?? 'the disk');
  if (summary.outcome === 'completed') {
    return summary.switchedOver
      ? `Completed: the guest goes on with the destination; its disk is ${printable(summary.disk)} now.`
      : `Completed: a point-in-time copy of ${disk} is at the destination; the guest is on its source.`;
  }
  const how = summary.outcome === 'cancelled' ? 'Cancelled' : 'Failed';
  const at = model.error && model.error.line > 0 ? ` at statement ${model.error.line}` : '';
  return `${how}${at}; ${whereaboutsOf(summary)}.`;
}

function whereaboutsOf(summary: SummaryEvent): string {
  if (summary.switchedOver)
    return `the switchover was done: the guest's disk is ${printable(summary.disk)} now`;
  if (summary.guest === 'gone') return 'the guest is gone; its source is as it left it';
  if (summary.guest === 'unknown') return "how the guest is can't be told: look at it";
  return 'the guest is on its source';
}

function sendingRows(summary: SummaryEvent): [string, string][] {
  const { sentBytes, zeroBytes, resentBytes, distinctBytes, deferredBytes } = summary;
  const zeroes = zeroBytes > 0 ? `; ${formatBytes(zeroBytes)} went as zeroes` : '';
  const rows: [string, string][] = [
    [
      'sent',
      `${formatBytes(sentBytes)}, for ${formatBytes(distinctBytes)} of distinct blocks${zeroes}`,
    ],
    [
      're-sent',
      `${formatBytes(resentBytes)}; send amplification ${summary.sendAmplification.toFixed(2)}`,
    ],
    ['deferred', `${formatBytes(deferredBytes)}, at least once`],
  ];
  return rows;
}

/** What plain pre-copy would have sent; told of a whole migration only. */
function plainRow(summary: SummaryEvent): [string, string][] {
  const { plainBytes, sentBytes, policy, outcome } = summary;
  if (plainBytes === null || policy === 'plain' || outcome !== 'completed') return [];
  const least = summary.plainIsLowerBound ? 'at least ' : '';
  const less =
    plainBytes > sentBytes
      ? `; this sent ${formatShare(plainBytes - sentBytes, plainBytes)} less`
      : '';
  return [['plain pre-copy', `would have sent ${least}${formatBytes(plainBytes)}${less}`]];
}

function unconverged({ converged, outcome }: SummaryEvent): boolean {
  return !converged && outcome !== 'cancelled';
}

function downtimeOf(model: ViewModel, summary: SummaryEvent): string {
  const words = [formatDuration(summary.downtimeMs)];
  if (summary.heldMs >= 1) words.push(`${formatDuration(summary.heldMs)} of it held by a person`);
  const limit = model.limits?.downtimeLimitMs;
  if (limit !== undefined) words.push(`the limit was ${formatDuration(limit)}`);
  return words.join('; ');
}

function verifiedOf(model: ViewModel, summary: SummaryEvent): string {
  if (summary.verified) return `equal, ${formatBytes(summary.verifiedBytes)} compared`;
  const differing = model.verify?.differing.length ?? 0;
  if (differing > 0) return `NOT EQUAL: they differ in ${differing} places`;
  return model.start?.verify === 'none' ? 'no, as asked' : 'no';
}

function guestOf(summary: SummaryEvent): string {
  switch (summary.guest) {
    case 'running':
      return 'running';
    case 'paused':
      return 'paused';
    case 'gone':
      return 'gone: its hypervisor ended';
    case 'unknown':
      return 'not known: its hypervisor could not be asked';
  }
}

function destinationOf(model: ViewModel, summary: SummaryEvent): string {
  const name = printable(model.start?.destination ?? '');
  return summary.outcome === 'completed' ? name : `${name} (not complete: do not use it)`;
}

/** What the person has to do after a switchover. */
function loudly(model: ViewModel, width: number, style: Style): string[] {
  if (!model.summary?.switchedOver || !model.start) return [];
  const image = printable(model.start.disk.image);
  const text =
    `The guest's configuration (libvirt XML, start script) still names the old image ${image}. ` +
    `Make it name ${printable(model.start.destination)} before the guest is started anew, ` +
    'or it starts with its old disk and loses what it wrote since.';
  const banner = style.alarm(' CHANGE THE CONFIGURATION NOW ');
  return ['', banner, ...wrap(text, width).map((line) => style.warning(line))];
}
