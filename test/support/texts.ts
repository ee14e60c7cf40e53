/** All texts of the user interface that are put into other languages, found in the sources. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DEFERRAL_REASONS } from '../../src/engine/policy/index.js';
import { CACHE_STATES } from '../../src/heatmap/index.js';

const ROOT = resolve(import.meta.dirname, '../..');
const STRING = `'((?:[^'\\\\\\n]|\\\\.)*)'|"((?:[^"\\\\\\n]|\\\\.)*)"`;

/** Where sentences are made that travel as a template and its values. */
const SENTENCES = [
  'src/service/view/why.ts',
  'src/service/view/block-detail.ts',
  'src/engine/policy/plan.ts',
];

/** In the order in which they stand in the sources, each once. */
export function textsOfInterface(): readonly string[] {
  return [
    ...new Set([
      ...found('src/extension', `l10n\\.t\\(\\s*(?:${STRING})`),
      ...found(
        'webview',
        `(?<![\\w.])(?:this\\.context\\.|context\\.|this\\.)?t\\(\\s*(?:${STRING})`,
      ),
      ...DEFERRAL_REASONS,
      ...CACHE_STATES,
      ...SENTENCES.flatMap((path) => found(path, `(?:${STRING})`).filter(isSentence)),
    ]),
  ];
}

function isSentence(text: string): boolean {
  return /^[A-Z{].* .*[.:]$/.test(text);
}

/** @param place a file, or a folder with all that is in it. */
function found(place: string, pattern: string): string[] {
  const files = place.endsWith('.ts')
    ? ['']
    : readdirSync(join(ROOT, place), { recursive: true, encoding: 'utf8' });
  return files
    .filter((name) => name === '' || name.endsWith('.ts'))
    .sort()
    .flatMap((name) => {
      const source = readFileSync(join(ROOT, place, name), 'utf8');
      const matches = [...source.matchAll(new RegExp(pattern, 'g'))];
      return matches.map(([, single, double]) => unescape(single ?? double ?? ''));
    })
    .filter((text) => /[a-z]/i.test(text));
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
