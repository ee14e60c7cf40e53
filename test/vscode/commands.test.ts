/** A person steers migrations in a real VS Code by commands, two at a time; one is cancelled, one dies and goes on. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { command } from './support/lab.js';
import { eventsOf, startMigration } from './support/migrations.js';
import { useVsCode } from './support/session.js';

const END_MS = 90_000;
const vscode = useVsCode({
  before: async (own) => {
    for (const name of ['one', 'two'])
      await command(own, 'lab', 'up', '--simulated', '--name', name, '--disk', '256MiB');
  },
});
/** Folders of the runs. */
let first: string;
let second: string;

beforeAll(() => vscode.workbench.openContainer('Migrascope'));

const say = (title: string): Promise<void> => vscode.workbench.command(`Migrascope: ${title}`);
const idOf = (run: string): string => run.split('/').at(-1)!;
const outcomeOf = (run: string): string | undefined =>
  eventsOf(run).find((event) => event.type === 'summary')?.outcome;
const held = (run: string): number => eventsOf(run).filter(({ type }) => type === 'held').length;
const inTree = (run: string, state: string) =>
  vscode.workbench.treeItem(new RegExp(`Migration ${idOf(run)},.*${state}`));

test('guests of the lab are listed, and connected with a click', async () => {
  await vscode.workbench.treeItem(/^one/).click();
  await vscode.workbench.treeItem(/^disk0/).waitFor();
  await vscode.workbench.treeItem(/^two/).waitFor();
});

test('a migration runs, is paused, stepped a batch, and goes on, by the palette', async () => {
  first = await startMigration(vscode.server, vscode.workbench, {
    ...{ image: 'first.img', bandwidth: '1MiB', begin: 'Running' },
  });
  await say('Pause Before the Next Statement');
  await expect.poll(() => held(first), { timeout: 20_000 }).toBe(1);
  await say('Step a Batch');
  await expect.poll(() => held(first), { timeout: 30_000 }).toBe(2);
  await say('Run');
  await expect.poll(() => inTree(first, 'pending').count()).toBe(1);
});

test('a second one runs beside it, each with its figures', async () => {
  await vscode.workbench.contextMenu(vscode.workbench.treeItem(/^one/), 'Disconnect');
  await vscode.workbench.treeItem(/^two/).click();
  await vscode.workbench.treeItem(/^disk0/).waitFor();
  second = await startMigration(vscode.server, vscode.workbench, {
    ...{ image: 'second.img', bandwidth: '100MiB', begin: 'Running' },
  });
  await inTree(first, 'pending').waitFor();
  await expect.poll(() => outcomeOf(second), { timeout: END_MS }).toBe('completed');
  await inTree(second, 'completed').waitFor();
  expect(outcomeOf(first)).toBeUndefined();
});

test('its map and its events are opened from the tree', async () => {
  await vscode.workbench.contextMenu(inTree(second, 'completed'), 'Open the Events of a Migration');
  await vscode.workbench.page.getByRole('tab', { name: /events\.jsonl/ }).waitFor();
  await vscode.workbench.contextMenu(inTree(second, 'completed'), 'Open the Map of a Migration');
  await vscode.workbench.page.getByRole('tab', { name: `Migration ${idOf(second)}` }).waitFor();
});

test('a migration whose engine process died is gone on with', async () => {
  const journal = readFileSync(join(first, 'journal.jsonl'), 'utf8');
  const owner = JSON.parse(journal.split('\n')[0]!) as {
    readonly process: { readonly pid: number };
  };
  process.kill(owner.process.pid, 'SIGKILL');
  await inTree(first, 'dead').waitFor();
  await say('Go On with a Dead Migration');
  await inTree(first, 'pending').waitFor();
});

test('it is cancelled after asking back, and the guest stays on its source', async () => {
  await vscode.workbench.contextMenu(inTree(first, 'pending'), 'Cancel the Migration');
  const dialog = vscode.workbench.page.locator('.monaco-dialog-box');
  await dialog.getByText(/The guest stays on its source/).waitFor();
  await dialog.getByRole('button', { name: 'Cancel Migration' }).click();
  await expect.poll(() => outcomeOf(first), { timeout: 20_000 }).toBe('cancelled');
  await inTree(first, 'cancelled').waitFor();
  const map = await command(vscode.server, 'map', 'one', '--json');
  expect(map).not.toContain('first.img');
});

test('what ended is forgotten', async () => {
  await vscode.workbench.contextMenu(inTree(second, 'completed'), 'Forget a Migration');
  await expect.poll(() => existsSync(second)).toBe(false);
  await say('Refresh Migrations');
  await expect.poll(() => inTree(second, 'completed').count()).toBe(0);
  await say('Show Migrations');
});
