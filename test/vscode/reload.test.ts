/** A window that is reloaded, and an engine process that is killed, while a migration goes on. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { legendBytes, mapFrame } from './support/map-page.js';
import { endProcesses, eventsOf, startGuest, startMigration } from './support/migrations.js';
import { packagedExtension } from './support/packaged.js';
import { startServer, type Server } from './support/server.js';
import { Workbench } from './support/workbench.js';

let server: Server;
let workbench: Workbench;
let run: string;

beforeAll(async () => {
  server = await startServer({ vsix: packagedExtension() });
  workbench = await Workbench.open(server);
  await workbench.openContainer('Migrascope');
  await startGuest(workbench);
});

beforeEach(({ task, onTestFailed }) => {
  onTestFailed(async () => {
    await workbench.picture(`failed-${task.name.slice(0, 40)}`);
  });
});

afterAll(async () => {
  endProcesses(server);
  await workbench.close();
  await server.stop();
});

test('the migration goes on, and its map attaches again', async () => {
  run = await startMigration(server, workbench, {
    image: 'moved.img',
    // So slow that it goes on until it is killed, on any machine.
    bandwidth: '512KiB',
    begin: 'Running',
  });
  const sentBefore = (): number => eventsOf(run).filter(({ type }) => type === 'sent').length;
  const before = await mapFrame(workbench.page);
  await before.getByRole('heading', { name: basename(run) }).waitFor();
  await expect.poll(sentBefore, { timeout: 20_000 }).toBeGreaterThan(0);

  await workbench.reloadWindow();
  const frame = await mapFrame(workbench.page);
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
  const frame = await mapFrame(workbench.page);
  await frame.getByText(/The engine process of the run .* is gone/).waitFor();
  await workbench.openContainer('Migrascope');
  const dead = workbench.treeItem(/dead: its process is gone/);
  await dead.waitFor();
  await workbench.contextMenu(dead, 'Look at What a Dead Migration Left, and Recover');
  const dialog = workbench.page.locator('.monaco-dialog-box');
  await dialog.getByText(/Put right what run/).waitFor();
  await dialog.getByText(/runs, on its source/).waitFor();
  await dialog.getByRole('button', { name: 'Do This' }).click();
  await expect.poll(() => journal().includes('"type":"end"'), { timeout: 30_000 }).toBe(true);
});
