/** What is wrong with a description beyond its form: names, shares, paths, phases. */
import type { Files, Phase, Sizes, Step, Where, Writer } from './description.generated.js';
import type { WorkloadDescription } from './description.generated.js';
import { didYouMean } from '../../base/closest.js';
import { pathsOf } from './files.js';
import { parseDuration, parseSize } from './units.js';

/** The part of a disk that files can take; the file system needs the rest. */
export const LARGEST_SHARE = 0.9;
const MOST_FILES = 100_000;
/** The shortest turn, in milliseconds. */
const SHORTEST_TURN_MS = 1;

/** Something that is wrong, and where in the description it is. */
export interface Misuse {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export const VERBS = [
  'write',
  'append',
  'create',
  'read',
  'fsync',
  'fdatasync',
  'truncate',
  'rename',
  'delete',
] as const;
type Verb = (typeof VERBS)[number];

/** The verbs among the keys of an object; a step has one. */
export function verbsOf(step: object): Verb[] {
  return VERBS.filter((verb) => Object.hasOwn(step, verb));
}

type Report = (path: readonly (string | number)[], message: string) => void;

function checkNames(kind: 'files' | 'writers', names: readonly string[], report: Report): void {
  const seen = new Set<string>();
  names.forEach((name, index) => {
    if (seen.has(name)) {
      report([kind, index, 'name'], `Two entries of "${kind}" are called "${name}".`);
    }
    seen.add(name);
  });
}

/** What is wrong with the path, if anything. */
function misuseOfPath({ path, count = 1 }: Files): string | undefined {
  const signs = path.match(/#+/g) ?? [];
  if (/\/\/|\/$|\/\.{1,2}(\/|$)/.test(path)) {
    return `The path "${path}" must go from / to a file, without "//", "." or "..".`;
  }
  if (/#.*\//.test(path) || signs.length > 1) {
    return `The path "${path}" can have #### once, in the file's own name.`;
  }
  if (count > 1 && signs.length === 0) {
    return `The path "${path}" stands for ${count} files, so it needs #### where the number of each goes.`;
  }
  return undefined;
}

function checkSizes(files: Files, index: number, report: Report): void {
  if ((files.size === undefined) === (files.together === undefined)) {
    report(
      ['files', index],
      `The files "${files.name}" need either "size" (of each) or "together" (of all), and not both.`,
    );
  }
}

/** The part of the disk that an entry takes by its shares alone. */
function shareOf({ size, together, count = 1 }: Files): number {
  const parsed = parseSize(size ?? together ?? '0 B');
  if (!('share' in parsed)) return 0;
  return size === undefined ? parsed.share : parsed.share * count;
}

/** That no file is there twice, or is the folder of another one. */
function checkPlaces(files: readonly Files[], report: Report): void {
  const owners = new Map<string, number>();
  files.forEach((entry, index) => {
    const pathOf = pathsOf(entry);
    for (let number = 0; number < (entry.count ?? 1); number++) {
      const path = pathOf(number);
      if (owners.has(path)) {
        report(['files', index, 'path'], `There are two files with the path "${path}".`);
        return;
      }
      owners.set(path, index);
    }
  });
  for (const { path } of files) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end);
      const index = owners.get(folder);
      if (index === undefined) continue;
      report(
        ['files', index, 'path'],
        `"${folder}" is a file here, and the folder of "${path}" elsewhere.`,
      );
      return;
    }
  }
}

function checkFiles(files: readonly Files[], report: Report): void {
  checkNames(
    'files',
    files.map(({ name }) => name),
    report,
  );
  files.forEach((entry, index) => {
    const message = misuseOfPath(entry);
    if (message !== undefined) report(['files', index, 'path'], message);
    checkSizes(entry, index, report);
  });
  const count = files.reduce((sum, entry) => sum + (entry.count ?? 1), 0);
  if (count > MOST_FILES) {
    report(['files'], `There are ${count} files; at most ${MOST_FILES} can be.`);
    return;
  }
  if (files.every((entry) => misuseOfPath(entry) === undefined)) checkPlaces(files, report);
  const share = files.reduce((sum, entry) => sum + shareOf(entry), 0);
  if (share > LARGEST_SHARE + 1e-9) {
    const percent = Math.round(share * 1e4) / 100;
    report(
      ['files'],
      `The files add up to ${percent} % of the disk; at most ${LARGEST_SHARE * 100} % can be, for the ` +
        'file system needs room of its own.',
    );
  }
}

/** The ends of a phase, in milliseconds. */
function ends({ from, to }: Phase): [number, number] {
  return [
    from === undefined ? 0 : parseDuration(from),
    to === undefined ? Infinity : parseDuration(to),
  ];
}

function checkTimes(writer: Writer, path: readonly (string | number)[], report: Report): void {
  for (const key of ['every', 'repeat'] as const) {
    const duration = writer[key];
    if (duration !== undefined && parseDuration(duration) < SHORTEST_TURN_MS) {
      report(
        [...path, key],
        `"${key}" is "${duration}"; the shortest is "${SHORTEST_TURN_MS} ms".`,
      );
    }
  }
  const repeatMs = writer.repeat === undefined ? Infinity : parseDuration(writer.repeat);
  if (writer.repeat !== undefined && !writer.phases) {
    report([...path, 'repeat'], '"repeat" says how often "phases" begin anew, and there are none.');
  }
  let lastMs = 0;
  writer.phases?.forEach((phase, index) => {
    const [fromMs, toMs] = ends(phase);
    const at = [...path, 'phases', index];
    if (fromMs >= toMs) {
      report(at, 'The phase ends before it begins: "to" must be later than "from".');
    } else if (fromMs < lastMs) {
      report(at, 'The phase begins before the one above it has ended: phases must not overlap.');
    } else if (fromMs >= repeatMs || (toMs > repeatMs && toMs !== Infinity)) {
      report(at, `The phase goes on after "${writer.repeat!}", when the phases begin anew.`);
    }
    lastMs = toMs;
  });
}

/** What is wrong with a size, a range of sizes or a place, if anything. */
function misuseOf(key: string, value: unknown): string | undefined {
  if (key !== 'size' || !Array.isArray(value)) return undefined;
  const [from, to] = (value as Exclude<Sizes, string>).map(parseSize);
  const isFalling =
    from &&
    to &&
    ('share' in from
      ? 'share' in to && from.share > to.share
      : 'pages' in to && from.pages > to.pages);
  return isFalling
    ? `The sizes "${value.join('" to "')}" go down; the smaller one is first.`
    : undefined;
}

function checkStep(
  step: Step,
  path: readonly (string | number)[],
  files: ReadonlyMap<string, Files>,
  report: Report,
): void {
  const verb = verbsOf(step)[0]!;
  const names: [string, string][] = [[verb, (step as Record<Verb, string>)[verb]]];
  if ('rename' in step) names.push(['to', step.to]);
  for (const [key, name] of names) {
    if (files.has(name)) continue;
    report([...path, key], `There are no files called "${name}".${didYouMean(name, files.keys())}`);
  }
  if ('rename' in step && files.has(step.rename) && files.has(step.to)) {
    const [from, to] = [step.rename, step.to].map((name) => files.get(name)!.count ?? 1);
    if (from !== to) {
      report(
        path,
        `Each of "${step.rename}" takes the place of one of "${step.to}", so there must be as many: ` +
          `${from} and ${to}.`,
      );
    }
  }
  for (const [key, value] of Object.entries(step)) {
    const message = misuseOf(key, value);
    if (message !== undefined) report([...path, key], message);
  }
}

function checkPick(pick: Where | undefined, report: (message: string) => void): void {
  if (typeof pick === 'object' && pick.unit !== undefined) {
    report('"pick" draws a file, and a file has no "unit"; leave it out.');
  }
}

/** Everything that is wrong with a description that its schema allows; in no certain order. */
export function findMisuses(description: WorkloadDescription): Misuse[] {
  const misuses: Misuse[] = [];
  const report: Report = (path, message) => misuses.push({ path, message });
  checkFiles(description.files, report);
  checkNames(
    'writers',
    description.writers.map(({ name }) => name),
    report,
  );
  const files = new Map(description.files.map((entry) => [entry.name, entry]));
  description.writers.forEach((writer, index) => {
    const path = ['writers', index];
    checkTimes(writer, path, report);
    checkPick(writer.pick, (message) => report([...path, 'pick'], message));
    writer.do.forEach((step, number) => {
      checkStep(step, [...path, 'do', number], files, report);
    });
  });
  return misuses;
}
