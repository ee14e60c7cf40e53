/** The built page of a map in a browser alone: VS Code is a stub that keeps what it is told and answers from a table. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { textOfPage } from '../../../src/extension/map/page-text.js';
import type { ViewNote } from '../../../src/service/types.js';
import type { FromWebview, Pane, ToWebview } from '../../../webview/messages.js';
import { launchChromium } from './chromium.js';
import { answers } from './notes.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const ORIGIN = 'http://map.test';
const AXE = readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');
const TYPES = { css: 'text/css', js: 'text/javascript', ttf: 'font/ttf' };

/** By the class that VS Code gives to the body: values of its own themes, read from a webview. */
const THEMES = JSON.parse(
  readFileSync(join(import.meta.dirname, 'themes.json'), 'utf8'),
) as Readonly<Record<string, Readonly<Record<string, string>>>>;

export const THEME_CLASSES = Object.keys(THEMES);

/** Controls, by their markup. */
export interface Walk {
  readonly unreached: readonly string[];
  readonly unseen: readonly string[];
}

interface Stub {
  readonly told: FromWebview[];
  /** What the Content Security Policy kept from happening. */
  readonly refused: string[];
}
declare global {
  interface Window {
    stub: Stub;
    axe: {
      run(
        context: Document,
        options: { preload: boolean; resultTypes: string[]; runOnly?: string[] },
      ): Promise<{
        violations: { id: string; impact: string; nodes: { html: string }[] }[];
      }>;
    };
  }
}

export class LonePage {
  private constructor(
    private readonly browser: Browser,
    readonly page: Page,
  ) {}

  static async open(): Promise<LonePage> {
    const browser = await launchChromium();
    const page = await browser.newPage({ viewport: { width: 1300, height: 1500 } });
    await page.addInitScript(stubVsCode, answers);
    await page.route(`${ORIGIN}/**`, async (route) => {
      const name = new URL(route.request().url()).pathname.slice(1);
      if (name === '') await route.fulfill({ contentType: 'text/html', body: pageText() });
      else
        await route.fulfill({
          contentType: TYPES[name.split('.').at(-1) as keyof typeof TYPES],
          body: readFileSync(join(ROOT, 'dist/webview', name)),
        });
    });
    return new LonePage(browser, page);
  }

  /** A new page, which is told of its panes; `notes` of a pane by its number. */
  async show(...notes: readonly (readonly ViewNote[])[]): Promise<void> {
    await this.page.goto(`${ORIGIN}/`);
    await this.tell({
      type: 'init',
      strings: {},
      language: 'en',
      settings: { layout: 'hilbert', layer: 'migration', palette: 'auto' },
      panes: notes.map((_, index) => ({ title: `source ${index}` })),
    });
    for (const [pane, told] of notes.entries())
      for (const note of told) await this.tell({ type: 'note', pane: pane as Pane, note });
    await this.page.waitForFunction(() => window.stub.told.some(({ type }) => type === 'painted'));
  }

  async tell(message: ToWebview): Promise<void> {
    await this.page.evaluate((data) => window.postMessage(data), message);
  }

  /** What VS Code was told of a type, oldest first. */
  async told<Type extends FromWebview['type']>(
    type: Type,
  ): Promise<readonly Extract<FromWebview, { type: Type }>[]> {
    const told = await this.page.evaluate(() => window.stub.told);
    return told.filter((message) => message.type === type) as never;
  }

  refused(): Promise<readonly string[]> {
    return this.page.evaluate(() => window.stub.refused);
  }

  async theme(name: string): Promise<void> {
    await this.page.evaluate(
      ([className, colours]) => {
        document.documentElement.removeAttribute('style');
        for (const [key, value] of Object.entries(colours))
          document.documentElement.style.setProperty(key, value);
        document.body.className = className;
      },
      [name, THEMES[name] ?? {}] as const,
    );
  }

  /**
   * Serious and critical faults of accessibility.
   * @param rules of axe; all of them without it.
   */
  async faults(rules?: readonly string[]): Promise<readonly string[]> {
    if (!(await this.page.evaluate(() => 'axe' in window))) await this.page.evaluate(AXE);
    return this.page.evaluate(async (only) => {
      const { violations } = await window.axe.run(document, {
        preload: false,
        resultTypes: ['violations'],
        ...(only ? { runOnly: [...only] } : {}),
      });
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    }, rules);
  }

  /** Goes through the page with the Tab key; tells which controls it misses, and where the focus can't be seen. */
  async walk(): Promise<Walk> {
    const controls = await this.page.evaluate(beginWalk);
    await this.page.evaluate(noteStop);
    for (let stop = 1; stop < controls; stop++) {
      await this.page.keyboard.press('Tab');
      await this.page.evaluate(noteStop);
    }
    return this.page.evaluate(endWalk);
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}

function pageText(): string {
  return textOfPage({
    source: ORIGIN,
    nonce: 'bm9uY2U',
    language: 'en',
    request: null,
    address: (name) => `${ORIGIN}/${name}`,
  });
}

/** Runs in the page, before all else. */
function stubVsCode(replies: Readonly<Record<string, unknown>>): void {
  const stub: Stub = { told: [], refused: [] };
  const postMessage = (message: FromWebview): void => {
    stub.told.push(message);
    if (message.type !== 'ask') return;
    window.postMessage({ type: 'reply', id: message.id, result: replies[message.method] });
  };
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
    stub.refused.push(`${violatedDirective}: ${blockedURI}`);
  });
  Object.assign(window, {
    stub,
    acquireVsCodeApi: () => ({ postMessage, getState: () => undefined, setState: () => undefined }),
  });
}

/** Runs in the page. Notes its controls and goes to the first; returns how many there are. */
function beginWalk(): number {
  const all = document.querySelectorAll<HTMLElement>(
    'select, input, button, summary, vscode-textfield, vscode-button, [tabindex="0"]',
  );
  const controls = [...all].filter(
    (control) => control.checkVisibility() && control.ariaDisabled !== 'true',
  );
  for (const control of controls) control.dataset['walk'] = 'unreached';
  controls[0]?.focus();
  return controls.length;
}

/** Runs in the page. Notes that the focus is here, and whether its border or outline shows it. */
function noteStop(): void {
  const control = document.activeElement as HTMLElement;
  const swatch = document.body.appendChild(document.createElement('i'));
  swatch.style.color = 'var(--vscode-focusBorder)';
  const { color } = getComputedStyle(swatch);
  swatch.remove();
  const parts = [control, ...(control.shadowRoot?.querySelectorAll('.base, .root') ?? [])];
  const seen = parts.some((part) => {
    const { outlineStyle, outlineColor, borderTopColor } = getComputedStyle(part);
    return (outlineStyle !== 'none' && outlineColor === color) || borderTopColor === color;
  });
  control.dataset['walk'] = seen ? 'seen' : 'unseen';
}

/** Runs in the page. */
function endWalk(): Walk {
  const those = (walk: string): string[] =>
    [...document.querySelectorAll(`[data-walk="${walk}"]`)].map(({ outerHTML }) => outerHTML);
  return { unreached: those('unreached'), unseen: those('unseen') };
}
