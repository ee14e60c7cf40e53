/**
 * Draws a frame of the live view of a recorded migration as SVG, for the README:
 *
 *   npm run picture -- TRACE SECONDS OUT.svg
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { ViewModel } from '../src/cli/view/model.js';
import { renderFrame } from '../src/cli/view/render.js';
import { createStyle } from '../src/cli/view/style.js';
import type { MigrationEvent } from '../src/engine/index.js';

const WIDTH = 100;
const HEIGHT = 34;
const CHARACTER = { width: 8.4, height: 18 };
const MARGIN = 16;
const COLOURS: Record<string, string> = {
  31: '#ff7b72',
  32: '#3fb950',
  33: '#d29922',
  34: '#58a6ff',
  35: '#bc8cff',
  36: '#39c5cf',
  90: '#6e7681',
  91: '#ffa198',
  92: '#56d364',
  93: '#e3b341',
  94: '#79c0ff',
  95: '#d2a8ff',
  96: '#56d4dd',
};

/** An escape sequence that changes the look of what follows. */
const CONTROL = String.fromCharCode(27);
const ESCAPE = new RegExp(`(${CONTROL}\\[[0-9;]*m)`);

interface Run {
  readonly text: string;
  readonly colour: string | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
}

/** A line with the escape sequences of a terminal, as runs of one look. */
function runsOf(line: string): Run[] {
  const runs: Run[] = [];
  let look: Omit<Run, 'text'> = { colour: undefined, bold: false, dim: false };
  for (const part of line.split(ESCAPE)) {
    const codes = part.startsWith(CONTROL) ? part.slice(2, -1).split(';') : undefined;
    if (!codes) {
      if (part !== '') runs.push({ text: part, ...look });
      continue;
    }
    for (const code of codes) {
      if (code === '1') look = { ...look, bold: true };
      else if (code === '2') look = { ...look, dim: true };
      else if (code === '22') look = { ...look, bold: false, dim: false };
      else if (code === '39') look = { ...look, colour: undefined };
      else if (COLOURS[code] !== undefined) look = { ...look, colour: COLOURS[code] };
    }
  }
  return runs;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function svgOf(lines: readonly string[]): string {
  const [width, height] = [
    WIDTH * CHARACTER.width + 2 * MARGIN,
    lines.length * CHARACTER.height + 2 * MARGIN,
  ];
  const rows = lines.map((line, index) => {
    let column = 0;
    const spans = runsOf(line).map(({ text, colour, bold, dim }) => {
      const x = MARGIN + column * CHARACTER.width;
      column += text.length;
      const length = text.length * CHARACTER.width;
      const looks = `${colour ? ` fill="${colour}"` : ''}${bold ? ' font-weight="bold"' : ''}${dim ? ' opacity="0.6"' : ''}`;
      return `<tspan x="${x.toFixed(1)}" textLength="${length.toFixed(1)}"${looks}>${escape(text)}</tspan>`;
    });
    return `<text y="${MARGIN + (index + 0.75) * CHARACTER.height}" xml:space="preserve">${spans.join('')}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width.toFixed(0)} ${height.toFixed(0)}" role="img" aria-label="A migration in the terminal, while it runs">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#e6edf3">
${rows.join('\n')}
</g>
</svg>
`;
}

const [trace, seconds, out] = process.argv.slice(2);
if (trace === undefined || seconds === undefined || out === undefined) {
  console.error('Usage: npm run picture -- TRACE SECONDS OUT.svg');
  process.exit(2);
}
const bytes = readFileSync(trace);
const text = (trace.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
const now = Number(seconds) * 1000;
const model = new ViewModel();
for (const line of text.split('\n')) {
  const event = line === '' ? undefined : (JSON.parse(line) as MigrationEvent);
  if (event && event.t <= now) model.apply(event);
}
const lines = renderFrame(model, {
  width: WIDTH,
  height: HEIGHT,
  now,
  style: createStyle(true),
  listing: true,
  inspecting: false,
  keys: ['p pause   i inspect   q cancel   ? keys'],
  question: [],
});
writeFileSync(out, svgOf(lines));
