/** A person migrates a real guest under QEMU in a real VS Code, step by step, and the guest goes on with its new disk. */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { formatBytes } from '../../src/base/units.js';
import { createPalette, MIGRATION_STATES } from '../../src/heatmap/index.js';
import { bootGuest, checkFileSystem } from '../qemu/support/lab.js';
import { expectColour, legendBytes, mapFrame } from './support/map-page.js';
import { endProcesses, eventsOf, startMigration } from './support/migrations.js';
import { packagedExtension } from './support/packaged.js';
import { startServer, type Server } from './support/server.js';
import { Workbench } from './support/workbench.js';

const ROUNDS_MS = 90_000;
let server: Server;
let workbench: Workbench;
let guest: Awaited<ReturnType<typeof bootGuest>>;

beforeAll(async () => {
  guest = await bootGuest({ workload: 'random-rewrite' });
  server = await startServer({
    vsix: packagedExtension(),
    settings: { 'workbench.colorTheme': 'Default High Contrast Light' },
  });
  workbench = await Workbench.open(server);
  await workbench.openContainer('Migrascope');
});

afterAll(async () => {
  endProcesses(server);
  await workbench.close();
  await server.stop();
  await guest[Symbol.asyncDispose]();
});

beforeEach(({ task, onTestFailed }) => {
  onTestFailed(async () => {
    await workbench.picture(`failed-${task.name.slice(0, 40)}`);
  });
});

test('the guest is added by the address of its monitor, with its probe', async () => {
  await workbench.command('Migrascope: Add Host…');
  await workbench.pick(/Unix socket/);
  await workbench.page.getByText(/Address of the QMP monitor/).waitFor();
  await workbench.enter(guest.guest.qmp);
  await workbench.page.getByText(/What should it be called/).waitFor();
  await workbench.enter('real');
  await workbench.treeItem(/^The guest runs/).waitFor();
  await workbench.treeItem(/^Probe by /).waitFor();
  await workbench.treeItem(/^disk0/).waitFor();
});

test('its page cache is seen as it is, with the files in it', async () => {
  await workbench.treeItem(/^disk0/).click();
  const frame = await mapFrame(workbench.page);
  await expect.poll(() => legendBytes(frame, 'dirty')).toMatch(/^[1-9].* [KM]iB$/);
  await frame.locator('.files tbody tr').first().waitFor();
  await workbench.picture('real-map');
  await workbench.page.keyboard.press('Control+F4');
});

test('it is moved a statement, then a round, then to its end', async () => {
  const run = await startMigration(server, workbench, {
    image: 'moved.img',
    bandwidth: '40MiB',
    begin: 'Held',
  });
  const { page } = workbench;
  await workbench.treeItem(/held at statement 1/).waitFor();
  const step = page.getByRole('button', { name: /^Step a Statement/ }).first();
  for (const line of [2, 3, 4]) {
    await step.click();
    await workbench.treeItem(new RegExp(`held at statement ${line}`)).waitFor();
  }
  const frame = await mapFrame(page);
  const allocated = eventsOf(run).find((event) => event.type === 'allocated')!;
  await expect.poll(() => legendBytes(frame, 'pending')).toBe(formatBytes(allocated.bytes));
  const { migration } = createPalette('contrast-light', 'auto');
  const colour = (state: (typeof MIGRATION_STATES)[number]) =>
    migration[MIGRATION_STATES.indexOf(state)]!;
  const first = allocated.blocks[0]!;
  await expectColour(frame, first, colour('pending'));

  await page
    .getByRole('button', { name: /^Step a Round/ })
    .first()
    .click();
  await expect
    .poll(() => eventsOf(run).filter(({ type }) => type === 'round').length, { timeout: ROUNDS_MS })
    .toBe(1);
  const last = eventsOf(run).findLast((event) => event.type === 'sent')!;
  await expectColour(frame, last.blocks[0]!, colour('sent'));
  await workbench.picture('real-step');

  await frame.getByRole('button', { name: 'Run (F5)' }).click();
  await frame
    .getByText('Completed: the guest goes on with the destination')
    .waitFor({ timeout: ROUNDS_MS });
  expect(eventsOf(run).at(-1)).toMatchObject({
    ...{ type: 'summary', outcome: 'completed', verified: true },
  });
  await workbench.picture('real-end');
});

test('it goes on with the new disk, whose file system is whole', async () => {
  expect(await guest.verify()).toBeGreaterThan(0);
  await guest.run('sync');
  await guest[Symbol.asyncDispose]();
  await checkFileSystem(join(server.folder, 'moved.img'), 'ext4');
});
