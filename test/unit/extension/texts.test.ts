/** Every text of the user interface is there in Chinese, with the same places for values. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { textsOfInterface } from '../../support/texts.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const read = (path: string): Record<string, string> =>
  JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Record<string, string>;
const placesOf = (text: string): string[] =>
  [...text.matchAll(/\{\d+\}|\$\([a-z-]+\)/g)].map(String).sort();

describe('Simplified Chinese', () => {
  const texts = textsOfInterface();
  const bundle = read('l10n/bundle.l10n.zh-cn.json');

  it('has the texts of the sources, and no others', () => {
    expect(texts.length).toBeGreaterThan(200);
    expect(Object.keys(bundle).sort()).toEqual([...texts].sort());
  });

  it.each(texts.map((text) => ({ text })))('keeps the places of "$text"', ({ text }) => {
    expect(placesOf(bundle[text] ?? '')).toEqual(placesOf(text));
  });

  it('has what the manifest says', () => {
    const english = read('package.nls.json');
    expect(Object.keys(read('package.nls.zh-cn.json')).sort()).toEqual(Object.keys(english).sort());
    const manifest = readFileSync(join(ROOT, 'package.json'), 'utf8');
    const used = [...manifest.matchAll(/"%([^%"]+)%"/g)].map((match) => match[1]!);
    expect(used.filter((key) => !(key in english))).toEqual([]);
  });
});
