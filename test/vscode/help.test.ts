/** A newcomer in a real VS Code: the walkthrough, the lessons, and a folder that is not trusted. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { labStatus } from './support/lab.js';
import { frameSaying } from './support/map-page.js';
import { endProcesses } from './support/migrations.js';
import { packagedExtension } from './support/packaged.js';
import { startServer, type Server } from './support/server.js';
import { Workbench } from './support/workbench.js';

let server: Server;
let workbench: Workbench;

async function open(options: { readonly asksForTrust?: boolean }): Promise<void> {
  server = await startServer({ vsix: packagedExtension(), ...options });
  workbench = await Workbench.open(server);
}

async function close(): Promise<void> {
  endProcesses(server);
  await workbench.close();
  await server.stop();
}

beforeEach(({ task, onTestFailed }) => {
  onTestFailed(async () => {
    await workbench.picture(`failed-${task.name.slice(0, 40)}`);
  });
});

describe('a newcomer', () => {
  beforeAll(() => open({}));
  afterAll(close);

  test('starts the simulated guest from the walkthrough, which ticks that step', async () => {
    await workbench.command('Migrascope: Open the Walkthrough');
    const { page } = workbench;
    const steps = page.locator('.getting-started-step');
    await expect.poll(() => steps.count()).toBe(5);
    await steps.first().getByRole('button', { name: 'Start the Simulated Guest' }).click();
    await expect.poll(() => labStatus(server)).toMatchObject([{ name: 'simulated' }]);
    await page
      .locator('.getting-started-step .codicon-getting-started-step-checked')
      .first()
      .waitFor();
    await workbench.picture('walkthrough');
    await workbench.command('View: Close All Editors');
  });

  test('opens a lesson, and starts its guest from there', async () => {
    await workbench.command('Migrascope: Lessons…');
    const { page } = workbench;
    const steps = page.locator('.getting-started-step');
    await expect.poll(() => steps.count()).toBe(4);
    const text = await frameSaying(page, /Why is each round shorter than the one before/);
    expect(await text.getByRole('listitem').count()).toBeGreaterThan(4);
    await steps.first().getByRole('button', { name: 'Start the guest of this lesson' }).click();
    await expect
      .poll(async () => (await labStatus(server)).map(({ name }) => name), { timeout: 20_000 })
      .toContain('lesson-converges');
    await workbench.treeItem(/^lesson-converges/).waitFor();
  });
});

describe('a folder that is not trusted', () => {
  beforeAll(() => open({ asksForTrust: true }));
  afterAll(close);

  test('has no guest started, and says what is missing', async () => {
    await workbench.command('Migrascope: Start the Simulated Guest');
    await workbench.notification(/need a trusted workspace/).waitFor();
    expect(await labStatus(server)).toEqual([]);
  });
});
