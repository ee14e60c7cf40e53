/** A newcomer in a real VS Code: the walkthrough, the lessons, and a folder that is not trusted. */
import { describe, expect, test } from 'vitest';
import { labStatus } from './support/lab.js';
import { frameSaying } from './support/map-page.js';
import { useVsCode } from './support/session.js';

describe('a newcomer', () => {
  const vscode = useVsCode();

  test('starts the simulated guest from the walkthrough, which ticks that step', async () => {
    await vscode.workbench.command('Migrascope: Open the Walkthrough');
    const { page } = vscode.workbench;
    const steps = page.locator('.getting-started-step');
    await expect.poll(() => steps.count()).toBe(5);
    await steps.first().getByRole('button', { name: 'Start the Simulated Guest' }).click();
    await expect.poll(() => labStatus(vscode.server)).toMatchObject([{ name: 'simulated' }]);
    await page
      .locator('.getting-started-step .codicon-getting-started-step-checked')
      .first()
      .waitFor();
    await vscode.workbench.picture('walkthrough');
    await vscode.workbench.command('View: Close All Editors');
  });

  test('opens a lesson, and starts its guest from there', async () => {
    await vscode.workbench.command('Migrascope: Lessons…');
    const { page } = vscode.workbench;
    const steps = page.locator('.getting-started-step');
    await expect.poll(() => steps.count()).toBe(4);
    const text = await frameSaying(page, /Why is each round shorter than the one before/);
    expect(await text.getByRole('listitem').count()).toBeGreaterThan(4);
    await steps.first().getByRole('button', { name: 'Start the guest of this lesson' }).click();
    await expect
      .poll(async () => (await labStatus(vscode.server)).map(({ name }) => name), {
        timeout: 20_000,
      })
      .toContain('lesson-converges');
    await vscode.workbench.treeItem(/^lesson-converges/).waitFor();
  });

  test('is told by VS Code how long the extension took to be there', async () => {
    await vscode.workbench.command('Developer: Show Running Extensions');
    const { page } = vscode.workbench;
    const own = page.locator('.runtime-extensions-editor .extension', { hasText: 'Migrascope' });
    const [, time] = /(Activation: \d+ ?ms)/.exec(await own.first().innerText()) ?? [];
    expect(time).toBeDefined();
    console.log(time);
  });
});

describe('a folder that is not trusted', () => {
  const vscode = useVsCode({ asksForTrust: true });

  test('has no guest started, and says what is missing', async () => {
    await vscode.workbench.command('Migrascope: Start the Simulated Guest');
    await vscode.workbench.notification(/need a trusted workspace/).waitFor();
    expect(await labStatus(vscode.server)).toEqual([]);
  });
});
