/** A moment as it is told to a view. */
import { PROGRAM } from '../../engine/index.js';
import { LAYERS, type LayerName } from '../../heatmap/index.js';
import type { HeaderNote, MomentNote, SummaryFigures, Text, ViewSource } from '../types.js';
import { explainDeferral } from './block-detail.js';
import { cellsOf } from './cells.js';
import type { Figures } from './figures.js';
import type { LegendBytes } from './legend.js';
import type { Moment } from './moment.js';

/** What is not known of a moment by itself. */
export interface Telling {
  readonly live: boolean;
  readonly why: readonly Text[];
  /** Whether the run can wait for an answer. */
  readonly canAsk: boolean;
}

/** Undefined before the start event. */
export function headerNote(
  { start }: Figures,
  kind: ViewSource['type'],
  title: string,
): HeaderNote | undefined {
  if (!start) return undefined;
  const { disk, granularity } = start;
  const cells = cellsOf(Math.ceil(disk.size / granularity));
  return {
    type: 'header',
    kind,
    title,
    host: start.host,
    disk: { name: disk.name, size: disk.size, image: disk.image },
    granularity,
    blocks: cells.blocks,
    blocksPerCell: cells.blocksPerCell,
    cells: cells.count,
    ...(kind === 'watch' ? {} : { run: runOf(start) }),
  };
}

function runOf(start: NonNullable<Figures['start']>): NonNullable<HeaderNote['run']> {
  const { run: id, policy, destination, startedAt, pivot, verify } = start;
  return { id, policy, destination, startedAt, pivot, verify, program: PROGRAM };
}

export function momentNote(moment: Moment, telling: Telling): MomentNote {
  const { figures, blocks } = moment;
  const { live, why, canAsk } = telling;
  const bytes = {
    pendingBytes: blocks?.pendingBytes ?? 0,
    deferredBytes: blocks?.deferredBytes ?? 0,
  };
  const { seq, t, line, round, batch, sentBytes, resentBytes, dirtyRate, bandwidth } = figures;
  return {
    type: 'moment',
    ...{ seq, t, live, line, round, batch },
    ...defined({ heldSince: figures.heldSince, pausedSince: figures.pausedSince }),
    pausedByOther: figures.pausedByOther,
    ...bytes,
    ...{ sentBytes, resentBytes, dirtyRate, bandwidth },
    batchPlannedBytes: figures.batchPlanned,
    batchSentBytes: figures.batchSent,
    ...defined({ forecast: figures.forecast, limits: figures.limits }),
    ...defined({ probe: figures.probe, cache: figures.cache }),
    legend: blocks?.legend ?? nothing(),
    reasons: (blocks?.reasons ?? []).map((reason, number) => ({
      reason,
      text: explainDeferral(reason),
      bytes: blocks?.reasonBytes(number) ?? 0,
    })),
    rounds: figures.allRounds(bytes),
    ...defined({ verdict: verdictOf(figures, canAsk) }),
    switchedOver: figures.switchedOver,
    ...defined({ error: figures.error, summary: summaryOf(figures, why) }),
    notes: figures.notes,
  };
}

function verdictOf(
  { verdict, verdictOpen }: Figures,
  canAsk: boolean,
): MomentNote['verdict'] | undefined {
  if (!verdict) return undefined;
  const { converged, message, pendingBytes, downtimeMs } = verdict;
  return { converged, message, pendingBytes, downtimeMs, asks: verdictOpen && canAsk };
}

function summaryOf({ summary }: Figures, why: readonly Text[]): SummaryFigures | undefined {
  if (!summary) return undefined;
  const { outcome, sentBytes, resentBytes, distinctBytes, zeroBytes, deferredBytes } = summary;
  const { sendAmplification, rounds, totalMs, downtimeMs, heldMs, converged, verified } = summary;
  const { verifiedBytes, switchedOver, guest, plainBytes, plainIsLowerBound } = summary;
  return {
    ...{ outcome, sentBytes, resentBytes, distinctBytes, zeroBytes, deferredBytes },
    ...{ sendAmplification, rounds, totalMs, downtimeMs, heldMs, converged, verified },
    ...{ verifiedBytes, switchedOver, guest, plainBytes, plainIsLowerBound, why },
  };
}

function nothing(): LegendBytes {
  const names = Object.keys(LAYERS) as LayerName[];
  return Object.fromEntries(
    names.map((name) => [name, LAYERS[name].map(() => 0)]),
  ) as unknown as LegendBytes;
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** The fields that have a value. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}
