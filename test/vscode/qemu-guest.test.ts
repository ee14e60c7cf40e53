/** A person migrates a real guest under QEMU in a real VS Code, step by step, and the guest goes on with its new disk. */
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { formatBytes } from '../../src/base/units.js';
import { createPalette, MIGRATION_STATES } from '../../src/heatmap/index.js';
import { bootGuest, checkFileSystem } from '../qemu/support/lab.js';
import { expectColour, legendBytes, mapFrame } from './support/map-page.js';
import { eventsOf, startMigration } from './support/migrations.js';
import { useVsCode } from './support/session.js';

const ROUNDS_MS = 90_000;
const vscode = useVsCode({
  settings: { 'workbench.colorTheme': 'Default High Contrast Light' },
});
let guest: Awaited<ReturnType<typeof bootGuest>>;

beforeAll(async () => {
  guest = await bootGuest({ workload: 'random-rewrite' });
  return () => guest[Symbol.asyncDispose]();
});

beforeAll(() => vscode.workbench.openContainer('Migrascope'));

test('the guest is added by the address of its monitor, with its probe', async () => {
  await vscode.workbench.command('Migrascope: Add Host…');
  await vscode.workbench.pick(/Unix socket/);
  await vscode.workbench.page.getByText(/Address of the QMP monitor/).waitFor();
  await vscode.workbench.enter(guest.guest.qmp);
  await vscode.workbench.page.getByText(/What should it be called/).waitFor();
  await vscode.workbench.enter('real');
  await vscode.workbench.treeItem(/^The guest runs/).waitFor();
  await vscode.workbench.treeItem(/^Probe by /).waitFor();
  await vscode.workbench.treeItem(/^disk0/).waitFor();
});

test('its page cache is seen as it is, with the files in it', async () => {
  await vscode.workbench.treeItem(/^disk0/).click();
  const frame = await mapFrame(vscode.workbench.page);
  await expect.poll(() => legendBytes(frame, 'dirty')).toMatch(/^[1-9].* [KM]iB$/);
  await frame.locator('.files tbody tr').first().waitFor();
  await vscode.workbench.picture('real-map');
  await vscode.workbench.page.keyboard.press('Control+F4');
});

test('it is moved a statement, then a round, then to its end', async () => {
  const run = await startMigration(vscode.server, vscode.workbench, {
    image: 'moved.img',
    bandwidth: '40MiB',
    begin: 'Held',
  });
  const { page } = vscode.workbench;
  await vscode.workbench.treeItem(/held at statement 1/).waitFor();
  const step = page.getByRole('button', { name: /^Step a Statement/ }).first();
  for (const line of [2, 3, 4]) {
    await step.click();
    await vscode.workbench.treeItem(new RegExp(`held at statement ${line}`)).waitFor();
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
  await vscode.workbench.picture('real-step');

  await frame.getByRole('button', { name: 'Run (F5)' }).click();
  await frame
    .getByText('Completed: the guest goes on with the destination')
    .waitFor({ timeout: ROUNDS_MS });
  expect(eventsOf(run).at(-1)).toMatchObject({
    ...{ type: 'summary', outcome: 'completed', verified: true },
  });
  await vscode.workbench.picture('real-end');
});

test('it goes on with the new disk, whose file system is whole', async () => {
  expect(await guest.verify()).toBeGreaterThan(0);
  await guest.run('sync');
  await guest[Symbol.asyncDispose]();
  await checkFileSystem(join(vscode.server.folder, 'moved.img'), 'ext4');
});
