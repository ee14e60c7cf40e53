/**
 * Takes a picture of every view in every look: light, dark, high contrast, Simplified Chinese. Run by
 * `npm run pictures` (scripts/pictures.mjs), from a real run each.
 */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { formatBytes } from '../../src/base/units.js';
import { legendOf, mapFrame } from './support/map-page.js';
import { eventsOf, startGuest, startMigration } from './support/migrations.js';
import { useVsCode } from './support/session.js';
import { recordTrace, writeWrongTraces } from './support/traces.js';
import { PICTURES } from './support/workbench.js';

const LOOKS = {
  light: { theme: 'Default Light Modern' },
  dark: { theme: 'Default Dark Modern' },
  contrast: { theme: 'Default High Contrast' },
  chinese: { theme: 'Default Dark Modern', language: 'zh-cn' },
} as const;
const ROUNDS_MS = 90_000;
/** Until fonts, icons and charts stand still. */
const SETTLE_MS = 700;

const asked = (process.env['MIGRASCOPE_LOOKS'] ?? Object.keys(LOOKS).join(',')).split(',');

for (const [look, { theme, ...rest }] of Object.entries(LOOKS)) {
  if (!asked.includes(look)) continue;
  describe(look, () => {
    const vscode = useVsCode({ settings: { 'workbench.colorTheme': theme }, ...rest });
    const picture = async (name: string): Promise<void> => {
      await vscode.workbench.page.waitForTimeout(SETTLE_MS);
      await vscode.workbench.picture(name, join(PICTURES, look));
    };

    beforeAll(() => vscode.workbench.openContainer('Migrascope'));

    test('the views', async () => {
      const { page } = vscode.workbench;
      await page.locator('.monaco-button').first().waitFor();
      await picture('welcome');
      await vscode.workbench.command(`Migrascope: ${vscode.workbench.say('Add Host…')}`);
      await page.locator('.quick-input-list .monaco-list-row').first().waitFor();
      await picture('add-host');
      await page.keyboard.press('Escape');
      await startGuest(vscode.workbench);
      await picture('start');
      await vscode.workbench.treeItem(/^disk0/).click();
      const frame = await mapFrame(page);
      await frame.locator('.files tbody tr').first().waitFor();
      await picture('map');
      await page.keyboard.press('Control+F4');
    });

    test('a migration', async () => {
      const { page } = vscode.workbench;
      await vscode.workbench.contextMenu(
        vscode.workbench.treeItem(/^disk0/),
        vscode.workbench.say('Migrate a Disk…'),
      );
      await page.getByText(/\b1\/6/).waitFor();
      await picture('migrate');
      await page.keyboard.press('Escape');
      const run = await startMigration(vscode.server, vscode.workbench, {
        ...{ image: 'moved.img', bandwidth: '40MiB', begin: 'Held', policy: 'cache' },
      });
      const rounds = (): number => eventsOf(run).filter(({ type }) => type === 'round').length;
      const step = (unit: string) =>
        page
          .getByRole('button', { name: vscode.workbench.say(unit) })
          .first()
          .click();
      for (const line of [2, 3, 4]) {
        await step('Step a Statement');
        await expect.poll(() => heldAt(run)).toBe(line);
      }
      await step('Step a Round');
      await expect.poll(rounds, { timeout: ROUNDS_MS }).toBe(1);
      const frame = await mapFrame(page);
      await frame.locator('.files tbody tr').first().waitFor();
      await picture('step');
      const plan = eventsOf(run).findLast((event) => event.type === 'plan')!;
      const place = frame.locator('.go-to input');
      await place.fill(String(plan.deferred[0]!.blocks[0]));
      await place.press('Enter');
      await frame.locator('.inspector dt').first().waitFor();
      await picture('block');
      await page.keyboard.press('Escape');
      await page.keyboard.press('F5');
      const ended = () => eventsOf(run).find((event) => event.type === 'summary');
      await expect.poll(ended, { timeout: ROUNDS_MS }).toBeDefined();
      await frame.getByText(formatBytes(ended()!.sentBytes)).first().waitFor();
      await expect.poll(async () => Object.keys(await legendOf(frame)).length).toBeGreaterThan(4);
      await vscode.workbench.command('Notifications: Clear All Notifications');
      await picture('see');
      await vscode.workbench.command('View: Close All Editors');
    });

    test('traces', async () => {
      const plain = await recordTrace(vscode.server.workspace, 'plain.mscope', 'plain');
      const cache = await recordTrace(vscode.server.workspace, 'cache.mscope', 'cache');
      const { truncated } = writeWrongTraces(vscode.server.workspace, plain.path);
      const open = async (path: string): Promise<void> => {
        await vscode.workbench.command(`Migrascope: ${vscode.workbench.say('Open a Trace…')}`);
        await vscode.workbench.choosePath(path);
      };
      await open(truncated);
      await (await mapFrame(vscode.workbench.page)).getByRole('alert').waitFor();
      await picture('trace-wrong');
      await vscode.workbench.command('View: Close All Editors');
      await vscode.workbench.command(`Migrascope: ${vscode.workbench.say('Compare Two Traces…')}`);
      await vscode.workbench.choosePath(cache.path);
      await vscode.workbench.choosePath(plain.path);
      const frame = await mapFrame(vscode.workbench.page, 2);
      await frame.locator('.pane').first().locator('.files tbody tr').first().waitFor();
      await picture('compare');
      await vscode.workbench.command('View: Close All Editors');
    });

    test('help and settings', async () => {
      await vscode.workbench.command(`Migrascope: ${vscode.workbench.say('Lessons…')}`);
      await vscode.workbench.page.locator('.getting-started-step').first().waitFor();
      await picture('lesson');
      await vscode.workbench.command('View: Close All Editors');
      await vscode.workbench.command(`Migrascope: ${vscode.workbench.say('Open the Walkthrough')}`);
      await vscode.workbench.page.locator('.getting-started-step').first().waitFor();
      await picture('walkthrough');
      await vscode.workbench.command('View: Close All Editors');
      await vscode.workbench.command('Preferences: Open Settings (UI)');
      await vscode.workbench.page.keyboard.type('@ext:migrascope.migrascope');
      await vscode.workbench.page.locator('.setting-item-title').first().waitFor();
      await picture('settings');
    });
  });
}

/** The statement before which it is held; undefined where it never was. */
function heldAt(run: string): number | undefined {
  return eventsOf(run).findLast((event) => event.type === 'held')?.line;
}
