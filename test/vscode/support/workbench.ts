/** A person at a VS Code: commands, views, webviews and notifications, through its user interface. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, BrowserContext, FrameLocator, Locator, Page } from 'playwright-core';
import { launchChromium } from './chromium.js';
import type { Server } from './server.js';

/** In milliseconds. */
const MENU_DEAF_MS = 400;
/** Where pictures go: of failed tests, and those of the walkthrough (CONTRIBUTING.md). */
const PICTURES =
  process.env['MIGRASCOPE_PICTURES'] ??
  resolve(import.meta.dirname, '../../../.vscode-host/pictures');

export interface WorkbenchOptions {
  readonly width?: number;
  readonly height?: number;
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
    await workbench.reload();
    return workbench;
  }

  /** As if the window was loaded anew. */
  async reload(): Promise<void> {
    const payload = JSON.stringify([['skipWelcome', 'true'], ...(this.options.payload ?? [])]);
    const query = new URLSearchParams({ folder: this.server.workspace, payload });
    await this.page.goto(`${this.server.url}/?${query.toString()}`);
    await this.page.locator('.monaco-workbench').waitFor();
  }

  /**
   * Reloads the window as a person does: VS Code keeps its open editors first. A page that is left
   * within seconds of opening an editor, as by {@link reload}, comes back without it.
   */
  async reloadWindow(): Promise<void> {
    const loaded = this.page.waitForEvent('load');
    await this.command('Developer: Reload Window');
    await loaded;
    await this.page.locator('.monaco-workbench').waitFor();
  }

  /** Runs a command by its title in the palette. */
  async command(title: string): Promise<void> {
    await this.page.keyboard.press('F1');
    const input = this.quickInput();
    await input.waitFor();
    await input.fill(`>${title}`);
    await this.quickItem(title).first().waitFor();
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
    await this.quickItem(text).first().click();
  }

  /** Fills the input box that is open, and accepts it. */
  async enter(text: string): Promise<void> {
    const input = this.quickInput();
    await input.waitFor();
    await input.fill(text);
    await input.press('Enter');
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

  /** What the newest webview shows. */
  webview(): FrameLocator {
    const outer = this.page.locator('iframe.webview.ready').last().contentFrame();
    return outer.frameLocator('#active-frame');
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
