/** The inspection: why blocks wait, which files are being written, and how far from the limits it is. */
import type { EventFile, Runs } from '../../engine/index.js';
import { formatBytes, formatDuration, formatRate } from '../../base/units.js';
import type { ViewModel } from './model.js';
import { clip, clipMiddle, printable, type Style } from './style.js';

const MOST_FILES = 5;

/** A file of the guest and how much of it is in the page cache, in bytes of whole blocks. */
export interface FileFigures {
  readonly name: string;
  readonly dirtyBytes: number;
  readonly cleanBytes: number;
}

/** The files with most dirty bytes first. */
export function filesByDirty(files: readonly EventFile[], granularity: number): FileFigures[] {
  return files
    .map((file) => ({
      name: fileName(file),
      dirtyBytes: countRuns(file.dirty) * granularity,
      cleanBytes: countRuns(file.clean) * granularity,
    }))
    .sort((a, b) => b.dirtyBytes - a.dirtyBytes || b.cleanBytes - a.cleanBytes);
}

/** The panel as lines of at most `width` characters. */
export function renderInspection(model: ViewModel, width: number, style: Style): string[] {
  const { blocks, start } = model;
  if (!blocks || !start) return [style.quiet('Nothing to inspect yet.')];
  const lines = [style.strong('Inspection')];
  lines.push(`pending     ${formatBytes(model.missingBytes)}, deferred included`);
  const reasons = blocks.deferredByReason();
  const deferred = formatBytes(blocks.bytes('deferred'));
  lines.push(`deferred    ${reasons.length === 0 ? 'nothing' : deferred}`);
  for (const { reason, bytes } of reasons) {
    lines.push(clip(`  ${formatBytes(bytes).padStart(9)}  ${printable(reason)}`, width));
  }
  lines.push(...limitLines(model).map((line) => clip(line, width)));
  lines.push(...fileLines(model, start.granularity, width));
  return lines;
}

function limitLines(model: ViewModel): string[] {
  const { limits, forecast } = model;
  if (!limits) return [];
  const cap =
    limits.maxBandwidth === null ? 'no cap' : `the cap is ${formatRate(limits.maxBandwidth)}`;
  const pause = forecast
    ? `${formatDuration(forecast.downtimeMs)} if the pause came now`
    : 'not known yet';
  return [
    `downtime    ${pause}; the limit is ${formatDuration(limits.downtimeLimitMs)}`,
    `bandwidth   ${forecast ? formatRate(model.bandwidth) : 'not measured yet'}; ${cap}`,
    `dirty rate  ${forecast ? formatRate(model.dirtyRate) : 'not measured yet'}`,
    `rounds      ${model.round + 1}; the limit is ${limits.maxRounds}`,
  ];
}

function fileLines(model: ViewModel, granularity: number, width: number): string[] {
  if (!model.cache) return ['files       not known without a look at the page cache'];
  const files = filesByDirty(model.cache.files, granularity).filter((file) => file.dirtyBytes > 0);
  if (files.length === 0) return ['files       none has dirty pages'];
  const rows = files
    .slice(0, MOST_FILES)
    .map(
      ({ name, dirtyBytes }) =>
        `  ${formatBytes(dirtyBytes).padStart(9)}  ${clipMiddle(name, width - 13)}`,
    );
  return [`files       ${files.length} with dirty blocks; most of them in`, ...rows];
}

/** What a person calls a file of the guest. */
export function fileName(file: {
  readonly path?: string;
  readonly inode: number;
  readonly device: string;
  readonly links: number;
}): string {
  const name = file.path ?? `inode ${file.inode} on ${file.device}`;
  return printable(file.links === 0 ? `${name} (deleted, still open)` : name);
}

/** How many blocks a run-length list takes. */
function countRuns(runs: Runs): number {
  let count = 0;
  for (let i = 1; i < runs.length; i += 2) count += runs[i]!;
  return count;
}
