/** A window that is reloaded, and an engine process that is killed, while a migration goes on. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { legendBytes, mapFrame } from './support/map-page.js';
import { eventsOf, startGuest, startMigration } from './support/migrations.js';
import { useVsCode } from './support/session.js';

const vscode = useVsCode();
let run: string;

beforeAll(async () => {
  await vscode.workbench.openContainer('Migrascope');
  await startGuest(vscode.workbench);
});

test('the migration goes on, and its map attaches again', async () => {
  run = await startMigration(vscode.server, vscode.workbench, {
    image: 'moved.img',
    // So slow that it goes on until it is killed, on any machine.
    bandwidth: '512KiB',
    begin: 'Running',
  });
  const sentBefore = (): number => eventsOf(run).filter(({ type }) => type === 'sent').length;
  const before = await mapFrame(vscode.workbench.page);
  await before.getByRole('heading', { name: basename(run) }).waitFor();
  await expect.poll(sentBefore, { timeout: 20_000 }).toBeGreaterThan(0);

  await vscode.workbench.reloadWindow();
  const frame = await mapFrame(vscode.workbench.page);
  await frame.getByRole('heading', { name: basename(run) }).waitFor();
  const sent = sentBefore();
  await expect.poll(sentBefore, { timeout: 20_000 }).toBeGreaterThan(sent);
  await expect.poll(() => legendBytes(frame, 'sent once'), { timeout: 20_000 }).toMatch(/^[1-9]/);
  expect(eventsOf(run).filter(({ type }) => type === 'start')).toHaveLength(1);
});

test('an engine process that is killed is told, and what it left is put right on consent', async () => {
  const journal = (): string => readFileSync(join(run, 'journal.jsonl'), 'utf8');
  const { process: owner } = JSON.parse(journal().split('\n')[0]!) as {
    readonly process: { readonly pid: number };
  };
  process.kill(owner.pid, 'SIGKILL');
  const frame = await mapFrame(vscode.workbench.page);
  await frame.getByText(/The engine process of the run .* is gone/).waitFor();
  await vscode.workbench.openContainer('Migrascope');
  const dead = vscode.workbench.treeItem(/dead: its process is gone/);
  await dead.waitFor();
  await vscode.workbench.contextMenu(dead, 'Look at What a Dead Migration Left, and Recover');
  const dialog = vscode.workbench.page.locator('.monaco-dialog-box');
  await dialog.getByText(/Put right what run/).waitFor();
  await dialog.getByText(/runs, on its source/).waitFor();
  await dialog.getByRole('button', { name: 'Do This' }).click();
  await expect.poll(() => journal().includes('"type":"end"'), { timeout: 30_000 }).toBe(true);
});
