/** A person migrates a simulated guest in a real VS Code, with the mouse; what is shown is held against the run's events. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { formatBytes } from '../../src/base/units.js';
import { createPalette, MIGRATION_STATES } from '../../src/heatmap/index.js';
import type { MigrationEvent } from '../../src/engine/index.js';
import { expectColour, legendBytes, mapFrame } from './support/map-page.js';
import { eventsOf, startGuest, startMigration } from './support/migrations.js';
import { useVsCode } from './support/session.js';

const ROUNDS_MS = 60_000;
const vscode = useVsCode({
  settings: { 'workbench.colorTheme': 'Default Dark Modern' },
});

beforeAll(() => vscode.workbench.openContainer('Migrascope'));

test('says that there is no host yet, and starts the simulated one', async () => {
  await startGuest(vscode.workbench);
  await vscode.workbench.treeItem(/^The guest runs/).waitFor();
  await vscode.workbench.treeItem(/^Probe by kcore/).waitFor();
  await vscode.workbench.picture('start');
});

test('shows the page cache of a disk that is watched', async () => {
  await vscode.workbench.treeItem(/^disk0/).click();
  const frame = await mapFrame(vscode.workbench.page);
  await expect
    .poll(() => legendBytes(frame, 'dirty'), { timeout: 20_000 })
    .toMatch(/^[1-9].* [KM]iB$/);
  await vscode.workbench.picture('map');
  await vscode.workbench.page.keyboard.press('Control+F4');
});

test('refuses a destination that is none, with a word on what to give', async () => {
  await vscode.workbench.contextMenu(vscode.workbench.treeItem(/^disk0/), 'Migrate a Disk…');
  await vscode.workbench.page.getByText(/Where to\?/).waitFor();
  await vscode.workbench.picture('migrate');
  await vscode.workbench.quickInput().fill('somewhere');
  await vscode.workbench.page.getByText(/Give file: and an absolute path/).waitFor();
  await vscode.workbench.page.keyboard.press('Escape');
});

test('steps a migration with the mouse, and shows what the events say', async () => {
  const run = await startMigration(vscode.server, vscode.workbench, {
    image: 'moved.img',
    bandwidth: '30MiB',
    begin: 'Held',
  });
  const page = vscode.workbench.page;
  await page.frames()[0]!.waitForLoadState();
  await vscode.workbench.treeItem(/held at statement 1/).waitFor();
  const step = page.getByRole('button', { name: /^Step a Statement/ }).first();
  for (const line of [2, 3, 4]) {
    await step.click();
    await vscode.workbench.treeItem(new RegExp(`held at statement ${line}`)).waitFor();
  }
  const frame = await mapFrame(page);
  const allocated = eventsOf(run).find((event) => event.type === 'allocated')!;
  await expect
    .poll(() => legendBytes(frame, 'pending'), { timeout: 10_000 })
    .toBe(formatBytes(allocated.bytes));

  const { migration } = createPalette('dark', 'auto');
  const first = allocated.blocks[0]!;
  const colour = (state: (typeof MIGRATION_STATES)[number]) =>
    migration[MIGRATION_STATES.indexOf(state)]!;
  await expectColour(frame, first, colour('pending'));
  await vscode.workbench.picture('step');

  await page
    .getByRole('button', { name: /^Step a Round/ })
    .first()
    .click();
  await expect
    .poll(() => eventsOf(run).filter(({ type }) => type === 'round').length, { timeout: ROUNDS_MS })
    .toBe(1);
  const sentOnce = eventsOf(run).filter((event) => event.type === 'sent');
  expect(sentOnce.length).toBeGreaterThan(2);
  await expectColour(frame, first, colour('sent'));

  await frame.getByRole('button', { name: 'Run (F5)' }).click();
  await frame.getByText('Completed: the guest goes on with the destination').waitFor({
    timeout: ROUNDS_MS,
  });
  const summary = eventsOf(run).at(-1);
  expect(summary).toMatchObject({ type: 'summary', outcome: 'completed', verified: true });
  const { sentBytes, distinctBytes } = summary as Extract<MigrationEvent, { type: 'summary' }>;
  await frame
    .getByText(`${formatBytes(sentBytes)}, of ${formatBytes(distinctBytes)} distinct`)
    .waitFor();
  await vscode.workbench.picture('see');
});

test('goes back in time: the first event shows nothing sent', async () => {
  const frame = await mapFrame(vscode.workbench.page);
  await frame.getByRole('slider', { name: 'Moment of the recording' }).fill('0');
  await expect.poll(() => legendBytes(frame, 'sent once'), { timeout: 10_000 }).toBe('0 B');
  await frame.getByRole('button', { name: 'END', exact: true }).click();
  await expect.poll(() => legendBytes(frame, 'sent once')).toMatch(/^[1-9]/);
});

test('tells a block by keyboard alone', async () => {
  const frame = await mapFrame(vscode.workbench.page);
  await frame.locator('.map-canvas').focus();
  await vscode.workbench.page.keyboard.press('End');
  await vscode.workbench.page.keyboard.press('ArrowLeft');
  await vscode.workbench.page.keyboard.press('Enter');
  const inspector = frame.getByRole('region', { name: 'Block', exact: true });
  await inspector.getByText('Offset').waitFor();
  await vscode.workbench.page.keyboard.press('Escape');
  await inspector.waitFor({ state: 'hidden' });
});

test('has no serious fault of accessibility', async () => {
  const frame = await mapFrame(vscode.workbench.page);
  await frame.addScriptTag({ path: 'node_modules/axe-core/axe.min.js' }).catch(async () => {
    await frame.evaluate(readFileSync('node_modules/axe-core/axe.min.js', 'utf8'));
  });
  const violations = await frame.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: {
        run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>;
      };
    };
    const { violations: all } = await axe.run();
    return all
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
  expect(violations).toEqual([]);
});
