/** The webview's bundle in a Chromium, without VS Code: what the extension would tell it is told by hand. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import type { CellsNote, HeaderNote } from '../../../src/service/types.js';
import type { MapSettings, ToWebview } from '../../../webview/messages.js';

const ORIGIN = 'http://webview.test';
const NOTE = 'note';
const DIST = 'dist/webview';
const TYPES: Readonly<Record<string, string>> = { css: 'text/css', js: 'text/javascript' };

const HTML = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<link rel="stylesheet" href="map.css"></head>
<body class="vscode-dark" data-request="null"><main id="app"></main>
<script src="in-page.js"></script><script src="map.js"></script></body></html>`;

const SETTINGS: MapSettings = { layout: 'hilbert', layer: 'migration', palette: 'auto' };

export interface BundleOptions {
  readonly width?: number;
  readonly height?: number;
  /** As where WebGL2 is switched off. */
  readonly withoutWebGl?: boolean;
}

/** What a message cost, in milliseconds since it was sent: until it came, was taken, and was on the canvas. */
export interface Cost {
  readonly came: number;
  readonly taken: number;
  readonly painted: number;
}

export class BundlePage {
  #settings = SETTINGS;
  #note: Buffer = Buffer.alloc(0);

  /** Rejects when the page's code fails. */
  readonly #failure: Promise<never>;

  private constructor(readonly page: Page) {
    this.#failure = new Promise((_, reject) => page.once('pageerror', reject));
    this.#failure.catch(() => undefined);
  }

  /** @param root of the repository, in which `npm run build` was run. */
  static async open(
    browser: Browser,
    root: string,
    { width = 800, height = 700, withoutWebGl = false }: BundleOptions = {},
  ): Promise<BundlePage> {
    const page = await browser.newPage({ viewport: { width, height } });
    const self = new BundlePage(page);
    const inPage = await inPageCode(root);
    await page.route(`${ORIGIN}/**`, (route) => {
      const name = new URL(route.request().url()).pathname.slice(1);
      const type = TYPES[name.split('.').at(-1)!] ?? 'application/octet-stream';
      if (name === '') return route.fulfill({ contentType: 'text/html', body: HTML });
      if (name === 'in-page.js') return route.fulfill({ contentType: type, body: inPage });
      if (name === NOTE) return route.fulfill({ contentType: type, body: self.#note });
      return route.fulfill({ contentType: type, body: readFileSync(join(root, DIST, name)) });
    });
    await page.goto(`${ORIGIN}/${withoutWebGl ? '?without-webgl' : ''}`);
    return self;
  }

  /** Begins with a disk of blocks of which nothing is known. */
  async begin(header: HeaderNote): Promise<Cost> {
    const first = { strings: {}, language: 'en', settings: this.#settings };
    await this.#do('post', { type: 'init', ...first, panes: [{ title: 'A disk' }] });
    return this.#do<Cost>('send', { type: 'note', pane: 0, note: header });
  }

  async tell(note: CellsNote): Promise<Cost> {
    this.prepare(note);
    return this.#do('tellCells', NOTE);
  }

  /** Has a note ready for {@link framesASecond}. */
  prepare(note: CellsNote): void {
    this.#note = encoded(note);
  }

  async settings(change: Partial<MapSettings>): Promise<Cost> {
    this.#settings = { ...this.#settings, ...change };
    return this.send({ type: 'settings', settings: this.#settings });
  }

  /** Resolves when its outcome is painted. */
  send(message: ToWebview): Promise<Cost> {
    return this.#do('send', message);
  }

  /** Resolves when there is another frame than now. */
  nextFrame(): Promise<void> {
    return this.#do('painted');
  }

  /** Of the middles of blocks; undefined where they are not seen. */
  colours(blocks: readonly number[]): Promise<(readonly number[] | undefined)[]> {
    return this.#do('colours', blocks);
  }

  /** All that is on the canvas, four bytes for each pixel. */
  async pixels(): Promise<Uint8Array> {
    return Buffer.from(await this.#do<string>('pixels'), 'base64');
  }

  loseContext(): Promise<void> {
    return this.#do('loseContext');
  }

  /** Of the canvas, in pixels. */
  size(): Promise<{ readonly width: number; readonly height: number }> {
    return this.#do('size');
  }

  /**
   * Moves the map for some time; resolves with how many frames a second were painted.
   * @param noteMs tells the prepared note so often meanwhile, in milliseconds; 0 for never.
   */
  framesASecond(motion: 'pan' | 'zoom', milliseconds: number, noteMs = 0): Promise<number> {
    return this.#do('framesASecond', motion, milliseconds, noteMs, NOTE);
  }

  async #do<Result>(method: string, ...args: readonly unknown[]): Promise<Result> {
    // A text comes over many times as fast as an object.
    const code = `inPage.${method}(...${JSON.stringify(args)})`;
    const text = this.page.evaluate<string>(
      `(async () => JSON.stringify((await ${code}) ?? null))()`,
    );
    return JSON.parse(await Promise.race([text, this.#failure])) as Result;
  }
}

/** A header as of a trace, of a disk with blocks of 64 KiB. */
export function headerOf(blocks: number): HeaderNote {
  const granularity = 65_536;
  return {
    ...{ type: 'header', kind: 'trace', title: 'A disk', host: 'host' },
    disk: { name: 'disk0', size: blocks * granularity, image: '/image' },
    ...{ granularity, blocks, blocksPerCell: 1, cells: blocks },
  };
}

async function inPageCode(root: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [resolve(root, 'test/vscode/support/bundle-in-page.ts')],
    ...{ bundle: true, write: false, format: 'iife', target: 'es2022' },
  });
  return outputFiles[0]!.text;
}

/** As numbers: seq, length of the runs, the runs, and of each dense stretch its first, its length, its words. */
function encoded({ seq, runs, dense }: CellsNote): Buffer {
  const parts: Uint32Array[] = [Uint32Array.of(seq, runs.length), runs];
  for (const { first, words } of dense) parts.push(Uint32Array.of(first, words.length), words);
  return Buffer.concat(
    parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  );
}
