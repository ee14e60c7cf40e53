/** A person at a VS Code: commands, views, webviews and notifications, through its user interface. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { launchChromium } from './chromium.js';
import type { Server } from './server.js';

/** The longest that a step of a person may take; in milliseconds. */
const STEP_MS = 20_000;
/** In milliseconds. */
const MENU_DEAF_MS = 400;
const PALETTE_MS = 8000;
/** Where pictures go. */
export const PICTURES = resolve(import.meta.dirname, '../../../.vscode-host/pictures');

export interface WorkbenchOptions {
  readonly width?: number;
  readonly height?: number;
  /** What the extension speaks, with a server of that language; English unless given. */
  readonly language?: 'zh-cn';
  /** Opened in the workbench, beside the server's own. */
  readonly payload?: readonly (readonly [string, string])[];
  /** Functions that the page can call, by name. */
  readonly functions?: Readonly<Record<string, (...args: never[]) => unknown>>;
}

export class Workbench {
  private constructor(
    private readonly browser: Browser,
    readonly context: BrowserContext,
    readonly page: Page,
    private readonly server: Server,
    private readonly options: WorkbenchOptions,
  ) {}

  /** Opens the server's workspace in a new browser; resolves when the workbench is there. */
  static async open(server: Server, options: WorkbenchOptions = {}): Promise<Workbench> {
    const browser = await launchChromium();
    const { width = 1400, height = 900 } = options;
    const context = await browser.newContext({
      viewport: { width, height },
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    for (const [name, run] of Object.entries(options.functions ?? {}))
      await context.exposeFunction(name, run);
    const workbench = new Workbench(browser, context, await context.newPage(), server, options);
    workbench.page.setDefaultTimeout(STEP_MS);
    await workbench.reload();
    return workbench;
  }

  /** A text of the extension as it is shown here. */
  say(english: string): string {
    return this.options.language ? translated(this.options.language, english) : english;
  }

  /** As if the window was loaded anew. */
  async reload(): Promise<void> {
    const payload = JSON.stringify([['skipWelcome', 'true'], ...(this.options.payload ?? [])]);
    const query = new URLSearchParams({ folder: this.server.workspace, payload });
    await this.page.goto(`${this.server.url}/?${query.toString()}`);
    await this.#ready();
  }

  /**
   * Reloads the window as a person does: VS Code keeps its open editors first. A page that is left
   * within seconds of opening an editor, as by {@link reload}, comes back without it.
   */
  async reloadWindow(): Promise<void> {
    const loaded = this.page.waitForEvent('load');
    await this.command('Developer: Reload Window');
    await loaded;
    await this.#ready();
  }

  /** Commands of extensions are known when their views are. */
  async #ready(): Promise<void> {
    await this.page.locator('.monaco-workbench').waitFor();
    await this.page
      .getByRole('tab', { name: /Migrascope/ })
      .first()
      .waitFor();
  }

  /** Runs a command by its title in the palette. */
  async command(title: string): Promise<void> {
    // What closes an editor takes the focus a moment later, and the palette with it.
    await expect
      .poll(async () => {
        await this.page.keyboard.press('F1');
        return this.quickInput()
          .fill(`>${title}`, { timeout: PALETTE_MS })
          .then(
            () => true,
            () => false,
          );
      })
      .toBe(true);
    // Until the list is filtered, the command that was used last has the focus.
    await this.page
      .locator('.quick-input-list .monaco-list-row.focused', { hasText: title })
      .first()
      .waitFor();
    await this.page.keyboard.press('Enter');
  }

  quickInput(): Locator {
    return this.page.locator('.quick-input-widget input.input').first();
  }

  quickItem(text: string | RegExp): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row', { hasText: text });
  }

  /** Chooses a row of a quick pick. */
  async pick(text: string | RegExp): Promise<void> {
    // A hover of the list before could lie over this one.
    await this.page.mouse.move(0, 0);
    await this.quickItem(text).first().click();
  }

  /** Fills the input box that is open, and accepts it. */
  async enter(text: string): Promise<void> {
    const input = this.quickInput();
    await input.waitFor();
    await input.fill(text);
    await input.press('Enter');
  }

  /**
   * Answers a file dialog. It fills in a folder itself first, and would overwrite what came before;
   * and it takes no answer while it looks at another folder.
   */
  async choosePath(path: string): Promise<void> {
    const input = this.quickInput();
    await expect.poll(() => input.inputValue()).toMatch(/^\//);
    await this.page.locator('.quick-input-list .monaco-list-row').first().waitFor();
    await input.fill(path);
    const isAsked = async (): Promise<boolean> =>
      (await input.isVisible()) && (await input.inputValue()) === path;
    await expect
      .poll(
        async () => {
          if (await isAsked()) await input.press('Enter');
          return isAsked();
        },
        { interval: 500 },
      )
      .toBe(false);
  }

  /** The container of the activity bar by its title. */
  async openContainer(title: string): Promise<void> {
    const tab = this.page.getByRole('tab', { name: title }).first();
    await tab.waitFor();
    if ((await tab.getAttribute('aria-selected')) !== 'true') await tab.click();
  }

  treeItem(name: string | RegExp): Locator {
    return this.page.getByRole('treeitem', { name }).first();
  }

  /** Presses an entry of the context menu of a tree's item. */
  async contextMenu(item: Locator, entry: string): Promise<void> {
    await item.click({ button: 'right' });
    const menu = this.page.locator('.monaco-menu').getByRole('menuitem', { name: entry }).first();
    await menu.waitFor();
    await menu.hover();
    // A menu takes no click in the first moment, so that one that opened it does not choose as well.
    await this.page.waitForTimeout(MENU_DEAF_MS);
    await menu.click();
  }

  /** A message in a corner; `text` is a part of it. */
  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast').filter({ hasText: text }).first();
  }

  /** Takes a picture, for a person; the path is returned. */
  async picture(name: string, folder: string = PICTURES): Promise<string> {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${name}.png`);
    await this.page.screenshot({ path });
    return path;
  }

  async close(): Promise<void> {
    await this.browser.close();
  }
}

const ROOT = resolve(import.meta.dirname, '../../..');

/** By the extension's own bundles: that of its code, and that of its manifest. */
function translated(language: string, english: string): string {
  const read = (path: string) =>
    JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Readonly<Record<string, string>>;
  const own = read(`l10n/bundle.l10n.${language}.json`)[english];
  const key = Object.entries(read('package.nls.json')).find(([, text]) => text === english)?.[0];
  const text = own ?? read(`package.nls.${language}.json`)[key ?? ''];
  if (text === undefined) throw new Error(`No ${language} for: ${english}`);
  return text;
}
