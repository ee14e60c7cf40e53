// Writes the table of the kill matrix into docs/safety.md, from what the last run of it came to
// (docs/kill-matrix.json); with --check, fails where the two have drifted.
import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';

const root = new URL('../', import.meta.url);
const page = new URL('docs/safety.md', root);
const BEGIN = '<!-- the kill matrix, made by scripts/kill-table.mjs from docs/kill-matrix.json -->';
const END = '<!-- the end of the kill matrix -->';

const FAULTS = {
  engine: 'engine killed',
  controller: 'command killed',
  guardian: 'one of the two guardians killed',
  guardians: 'both guardians killed',
  probe: 'probe killed',
  server: 'server of the new image killed',
  'engine+guardian': 'engine and one guardian killed',
  'engine+guardians': 'engine and both guardians killed',
  'engine+controller': 'engine and command killed',
  'engine+probe': 'engine and probe killed',
  'engine+server': 'engine and server of the new image killed',
  'guardian+controller': 'one guardian and command killed',
  'stop, one monitor': 'engine stopped beyond its lease, one monitor',
  'stop, two monitors': 'engine stopped beyond its lease, two monitors',
};

const MIDDLES = {
  'mid-batch': 'in a batch (8)',
  'mid-flip': 'in a flip (9)',
  'mid-drain': 'in the drain (12)',
  'mid-pause': 'in the pause (15)',
  'mid-last-copy': 'in the last copy (15)',
  'mid-pivot-begin': 'before the mirror (17)',
  'mid-pivot-mirror': 'in the mirror (17)',
  'mid-pivot-done': 'swapped, not heard of (17)',
};

const label = (point) => MIDDLES[point] ?? point.replace('before-', '');
const seconds = (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);

function outcome(cell) {
  return { happens: happens(cell), sees: sees(cell), todo: todo(cell) };
}

function happens({ run, disk, resumedBy }) {
  const on = disk === 'new' ? 'its new disk' : 'its source';
  if (run === 'completed') return `the migration completes; the guest runs on ${on}`;
  const by = {
    engine: `the engine resumes the guest, on ${on}, and puts everything back`,
    guardian: `the guardian resumes the guest, on ${on}${run === 'failed' ? '; the engine puts everything back' : ''}`,
    recover: `the guest stands, on ${on}`,
    nobody: `the guest runs on, on ${on}${run === 'failed' ? '; the engine puts everything back' : ''}`,
  };
  return by[resumedBy];
}

function sees({ run, exitCode, error, warnings }) {
  const warned = warnings.some((each) => /lease/.test(each)) ? ', and a warning' : '';
  if (exitCode === null) return run === 'completed' ? 'nothing; `attach` shows it' : 'nothing';
  if (error === null) return `exit code ${exitCode}${warned}`;
  return `exit code ${exitCode}: “${inShort(error)}”`;
}

/** Without its kind, which place of a disk it was, and by what the new image is reached. */
function inShort(error) {
  return error
    .replace(/^[a-z-]+: (?=[A-Z])/, '')
    .replace(/file:IMAGE|SERVER/g, 'IMAGE')
    .replace(/^(The destination IMAGE failed|The export IMAGE can't be reached): .*/, '$1: …');
}

function todo({ fault, run, recover }) {
  if (run === 'completed') return 'nothing';
  if (run === 'failed') return 'begin it again';
  const did = (step) => recover.did.includes(step);
  const resumes = did('resume-guest') ? 'resumes the guest, ' : '';
  const removes = did('remove-leftovers') ? 'removes what is left' : 'has nothing to remove';
  const image = did('delete-image') && !fault.includes('server') ? ' and the new image' : '';
  return `\`recover\`: source _${recover.source}_, new image _${recover.destination}_; it ${resumes}${removes}${image}`;
}

/** Neighbours of which the same is true, as one row. */
function rowsOf(cells) {
  const rows = [];
  for (const cell of cells) {
    const row = { fault: cell.fault, first: cell.point, last: cell.point, ...outcome(cell) };
    const before = rows.at(-1);
    const same = ['fault', 'happens', 'sees', 'todo'].every((key) => before?.[key] === row[key]);
    if (same) before.last = cell.point;
    else rows.push(row);
  }
  return rows;
}

function tableOf(cells) {
  const head =
    '| what ends | at statement | what happens | what you see | what to do |\n|---|---|---|---|---|';
  let fault = '';
  const lines = rowsOf(cells).map((row) => {
    const name = row.fault === fault ? '' : FAULTS[row.fault];
    fault = row.fault;
    const at =
      row.first === row.last ? label(row.first) : `${label(row.first)} to ${label(row.last)}`;
    return `| ${[name, at, row.happens, row.sees, row.todo].join(' | ')} |`;
  });
  return [head, ...lines].join('\n');
}

function longest(cells, stopped) {
  const stood = cells.filter(
    ({ fault, run, resumedBy, stoodMs }) =>
      fault.startsWith('stop') === stopped &&
      stoodMs !== null &&
      (resumedBy === 'guardian' || run === 'failed'),
  );
  return seconds(Math.max(0, ...stood.map(({ stoodMs }) => stoodMs)));
}

function textOf({ cells, random }) {
  const all = [...cells, ...random.cells];
  const killed = longest(all, false);
  const stopped = longest(all, true);
  return `${BEGIN}

${cells.length} cells were tried, and ${random.cells.length} random moments (seed ${random.seed}). After a kill a guest stood for
${killed} at most until it ran again, after a stop of the engine for ${stopped}; where all who could resume it were
killed, until \`recover\` was told to.

${tableOf(cells)}

${END}`;
}

const results = JSON.parse(await readFile(new URL('docs/kill-matrix.json', root), 'utf8'));
const before = await readFile(page, 'utf8');
const [start, rest] = before.split(BEGIN);
const end = rest?.split(END)[1];
if (end === undefined) throw new Error('docs/safety.md has no place for the kill matrix.');
const text = await format(`${start}${textOf(results)}${end}`, {
  ...(await resolveConfig(page)),
  parser: 'markdown',
});
if (!process.argv.includes('--check')) await writeFile(page, text);
else if (text !== before) {
  console.error('docs/safety.md has drifted from docs/kill-matrix.json: run `npm run generate`.');
  process.exitCode = 1;
}
