/** Lessons for teaching labs: each a step of the walkthrough "Lessons", and a simulated guest that behaves so. */
import * as vscode from 'vscode';
import type { Core } from './core.js';
import { startSimulated } from './hosts/add-host.js';
import type { HostList } from './hosts/host-list.js';

/** By the name of their files in media/lessons. */
export const LESSONS = ['converges', 'does-not-converge', 'page-cache-helps', 'drain'] as const;
export type Lesson = (typeof LESSONS)[number];

/** Starts the guest of a lesson. @throws ServiceError when it does not start. */
export async function startLesson(core: Core, list: HostList, lesson: Lesson): Promise<void> {
  const workload = core.context.asAbsolutePath(`media/lessons/${lesson}.json`);
  await startSimulated(core, list, workload, `lesson-${lesson}`);
  await vscode.commands.executeCommand('migrascope.hosts.focus');
}

export function isLesson(value: unknown): value is Lesson {
  return LESSONS.some((lesson) => lesson === value);
}
