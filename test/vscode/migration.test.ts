/** A person migrates a simulated guest in a real VS Code, with the mouse; what is shown is held against the run's events. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { formatBytes } from '../../src/base/units.js';
import { createPalette, MIGRATION_STATES } from '../../src/heatmap/index.js';
import type { MigrationEvent } from '../../src/engine/index.js';
import { expectColour, legendBytes, mapFrame } from './support/map-page.js';
import { endProcesses, eventsOf, startGuest, startMigration } from './support/migrations.js';
import { packagedExtension } from './support/packaged.js';
import { startServer, type Server } from './support/server.js';
import { Workbench } from './support/workbench.js';

const ROUNDS_MS = 60_000;
let server: Server;
let workbench: Workbench;

beforeAll(async () => {
  server = await startServer({
    vsix: packagedExtension(),
    settings: { 'workbench.colorTheme': 'Default Dark Modern' },
  });
  workbench = await Workbench.open(server);
  await workbench.openContainer('Migrascope');
});

afterAll(async () => {
  endProcesses(server);
  await workbench.close();
  await server.stop();
});

beforeEach(({ task, onTestFailed }) => {
  onTestFailed(async () => {
    await workbench.picture(`failed-${task.name.slice(0, 40)}`);
  });
});

test('says that there is no host yet, and starts the simulated one', async () => {
  await startGuest(workbench);
  await workbench.treeItem(/^The guest runs/).waitFor();
  await workbench.treeItem(/^Probe by kcore/).waitFor();
  await workbench.picture('start');
});

test('shows the page cache of a disk that is watched', async () => {
  await workbench.treeItem(/^disk0/).click();
  const frame = await mapFrame(workbench.page);
  await expect
    .poll(() => legendBytes(frame, 'dirty'), { timeout: 20_000 })
    .toMatch(/^[1-9].* [KM]iB$/);
  await workbench.picture('map');
  await workbench.page.keyboard.press('Control+F4');
});

test('refuses a destination that is none, with a word on what to give', async () => {
  await workbench.contextMenu(workbench.treeItem(/^disk0/), 'Migrate a Disk…');
  await workbench.page.getByText(/Where to\?/).waitFor();
  await workbench.picture('migrate');
  await workbench.quickInput().fill('somewhere');
  await workbench.page.getByText(/Give file: and an absolute path/).waitFor();
  await workbench.page.keyboard.press('Escape');
});

test('steps a migration with the mouse, and shows what the events say', async () => {
  const run = await startMigration(server, workbench, {
    image: 'moved.img',
    bandwidth: '30MiB',
    begin: 'Held',
  });
  const page = workbench.page;
  await page.frames()[0]!.waitForLoadState();
  await workbench.treeItem(/held at statement 1/).waitFor();
  const step = page.getByRole('button', { name: /^Step a Statement/ }).first();
  for (const line of [2, 3, 4]) {
    await step.click();
    await workbench.treeItem(new RegExp(`held at statement ${line}`)).waitFor();
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
  await workbench.picture('step');

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
  await workbench.picture('see');
});

test('goes back in time: the first event shows nothing sent', async () => {
  const frame = await mapFrame(workbench.page);
  await frame.getByRole('slider', { name: 'Moment of the recording' }).fill('0');
  await expect.poll(() => legendBytes(frame, 'sent once'), { timeout: 10_000 }).toBe('0 B');
  await frame.getByRole('button', { name: 'END', exact: true }).click();
  await expect.poll(() => legendBytes(frame, 'sent once')).toMatch(/^[1-9]/);
});

test('tells a block by keyboard alone', async () => {
  const frame = await mapFrame(workbench.page);
  await frame.locator('.map-canvas').focus();
  await workbench.page.keyboard.press('End');
  await workbench.page.keyboard.press('ArrowLeft');
  await workbench.page.keyboard.press('Enter');
  const inspector = frame.getByRole('region', { name: 'Block', exact: true });
  await inspector.getByText('Offset').waitFor();
  await workbench.page.keyboard.press('Escape');
  await inspector.waitFor({ state: 'hidden' });
});

test('has no serious fault of accessibility', async () => {
  const frame = await mapFrame(workbench.page);
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
