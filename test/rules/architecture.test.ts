/** Re-derives the house's boundaries from the sources (docs/architecture.md names them). */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** Which folders of src a folder may import from, beside itself. */
const ARROWS: Record<string, readonly string[]> = {
  base: [],
  nbd: ['base'],
  hypervisor: ['nbd', 'base'],
  probe: ['hypervisor', 'base'],
  plugin: ['base'],
  engine: ['hypervisor', 'probe', 'plugin', 'nbd', 'base'],
  lab: ['simulator', 'hypervisor', 'probe', 'nbd', 'base'],
  simulator: ['nbd', 'base'],
  experiment: ['engine', 'simulator', 'hypervisor', 'probe', 'plugin', 'nbd', 'base'],
  heatmap: ['base'],
  progress: ['engine', 'base'],
  reach: ['engine', 'lab', 'hypervisor', 'probe', 'plugin', 'nbd', 'base'],
  service: ['reach', 'progress', 'heatmap', 'engine', 'lab', 'hypervisor', 'probe', 'nbd', 'base'],
  extension: ['service', 'heatmap', 'base'],
  cli: [
    'experiment',
    'simulator',
    'reach',
    'progress',
    'engine',
    'lab',
    'hypervisor',
    'probe',
    'plugin',
    'nbd',
    'base',
  ],
};

/** What extension and webviews tell each other, seen from src. */
const CONTRACT = '../webview/messages.js';

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mts|js|mjs)$/.test(name))
    .map((name) => join(folder, name));
}

/** Every module specifier in a source, however it is imported: static, type, dynamic, require. */
function specifiers(text: string): string[] {
  const patterns = [
    /\bfrom\s*['"]([^'"]+)['"]/g,
    /\bimport\s*['"]([^'"]+)['"]/g,
    /\bimport\s*\(\s*['"]([^'"]+)['"]/g,
    /\brequire\s*\(\s*['"]([^'"]+)['"]/g,
  ];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]!));
}

const files = sources('src').map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}));

describe('the house', () => {
  it('has sources in every folder that it names, and no folder that it does not', () => {
    const folders = new Set(files.map(({ path }) => path.split('/')[1]!));
    expect([...folders].sort()).toEqual(Object.keys(ARROWS).sort());
  });

  it.each(files)('$path imports downwards only', ({ path, text }) => {
    const folder = path.split('/')[1]!;
    const targets = specifiers(text)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => relative(join(root, 'src'), resolve(root, path, '..', specifier)))
      .filter((target) => !(folder === 'extension' && target === CONTRACT))
      .map((target) => target.split('/')[0]!)
      .filter((target) => target !== folder);
    expect(targets.filter((target) => !ARROWS[folder]!.includes(target))).toEqual([]);
  });

  it.each(files)('$path enters other folders by their door or their types', ({ path, text }) => {
    const folder = path.split('/')[1]!;
    const inside = specifiers(text)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => relative(join(root, 'src'), resolve(root, path, '..', specifier)))
      .filter((target) => !target.startsWith(`${folder}/`) && !target.startsWith('base/'))
      .filter((target) => target !== CONTRACT)
      .filter((target) => !/^[a-z]+\/(index|types)\.js$/.test(target));
    expect(inside).toEqual([]);
  });

  const elsewhere = files.filter(({ path }) => !path.startsWith('src/extension/'));
  it.each(elsewhere)('$path does not know VS Code', ({ text }) => {
    expect(specifiers(text).filter((specifier) => /^vscode(\/|$)/.test(specifier))).toEqual([]);
  });

  it.each(files)('$path does not switch a rule off', ({ text }) => {
    expect(text).not.toMatch(/eslint-disable|@ts-ignore|@ts-nocheck|@ts-expect-error/);
  });

  it.each(files)('$path opens with a comment that says what it is for', ({ text }) => {
    expect(text.trimStart()).toMatch(/^\/\*\*|^\/\//);
  });

  it('takes the time from outside in the engine', () => {
    const timed = files.filter(
      ({ path, text }) =>
        path.startsWith('src/engine/') &&
        /\b(setTimeout|setInterval|Date\.now|performance\.now|new Date\(\))/.test(text),
    );
    expect(timed.map(({ path }) => path)).toEqual([]);
  });
});

describe('the repository', () => {
  it('names no registry host and no machine path', () => {
    const committed = [
      ...files.map(({ path }) => path),
      ...sources('scripts'),
      'package.json',
      'package-lock.json',
    ];
    const pattern = /registry\.npmjs|deb\.debian\.org|\/home\/[a-z]|\/work\/|\/root\//;
    const offenders = committed.filter((path) =>
      pattern.test(readFileSync(join(root, path), 'utf8')),
    );
    expect(offenders).toEqual([]);
  });
});
