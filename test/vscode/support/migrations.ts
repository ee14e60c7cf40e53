/** Migrations of the simulated guest, started by the form as a person does; their folders, and their end. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { MigrationEvent } from '../../../src/engine/index.js';
import type { Server } from './server.js';
import type { Workbench } from './workbench.js';

export interface MigrationAnswers {
  /** Name of the new image, in the server's folder. */
  readonly image: string;
  readonly bandwidth: string;
  readonly begin: 'Held' | 'Running';
  /** `plain` unless given. */
  readonly policy?: 'history' | 'cache';
}

/** Starts the simulated guest from the view's welcome, and waits until it is connected. */
export async function startGuest(workbench: Workbench): Promise<void> {
  const button = workbench.page.locator('.monaco-button', {
    hasText: workbench.say('Start the Simulated Guest'),
  });
  await button.click();
  await workbench.treeItem(/^disk0/).waitFor();
}

/** Fills in the form for a disk; resolves with the run's folder. */
export async function startMigration(
  server: Server,
  workbench: Workbench,
  answers: MigrationAnswers,
): Promise<string> {
  const before = new Set(runFolders(server));
  await workbench.contextMenu(workbench.treeItem(/^disk0/), workbench.say('Migrate a Disk…'));
  const step = (number: number) => workbench.page.getByText(new RegExp(`\\b${number}/6`)).waitFor();
  await step(1);
  await workbench.enter(`file:${join(server.folder, answers.image)}`);
  await workbench.pick(new RegExp(`^${answers.policy ?? 'plain'}`));
  await workbench.pick(workbench.say('Switch over'));
  await step(4);
  await workbench.enter(answers.bandwidth);
  await step(5);
  await workbench.enter('300ms');
  await workbench.pick(workbench.say(answers.begin));
  let started: string | undefined;
  await expect
    .poll(() => (started = runFolders(server).find((run) => !before.has(run))), {
      timeout: 20_000,
    })
    .toBeDefined();
  return started!;
}

export function eventsOf(run: string): MigrationEvent[] {
  return readFileSync(join(run, 'events.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as MigrationEvent);
}

/** Ends guests, engine processes and guardians that this VS Code started: they are made to outlive it. */
export function endProcesses(server: Server): void {
  const own = server.environment['XDG_STATE_HOME']!;
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (!readOr(`/proc/${entry}/environ`).includes(own)) continue;
    if (/simulated-host|engine-process|guardian/.test(readOr(`/proc/${entry}/cmdline`)))
      process.kill(Number(entry), 'SIGKILL');
  }
}

function runFolders(server: Server): string[] {
  const root = join(server.environment['XDG_STATE_HOME']!, 'migrascope/runs');
  return existsSync(root) ? readdirSync(root).map((name) => join(root, name)) : [];
}

/** Of a process that is gone, or another user's, nothing can be read. */
function readOr(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
