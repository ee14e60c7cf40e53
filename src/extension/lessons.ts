/** Lessons for teaching labs: each a text with questions, and a simulated guest that behaves so. */
import * as vscode from 'vscode';
import type { Core } from './core.js';
import { startSimulated } from './hosts/add-host.js';
import type { HostList } from './hosts/host-list.js';

/** By the name of their files in media/lessons. */
export const LESSONS = ['converges', 'does-not-converge', 'page-cache-helps', 'drain'] as const;
export type Lesson = (typeof LESSONS)[number];

/** Lets the person choose a lesson, and opens its text. */
export async function chooseLesson(core: Core): Promise<void> {
  const titles: Readonly<Record<Lesson, string>> = {
    converges: vscode.l10n.t('1. Pre-copy converges'),
    'does-not-converge': vscode.l10n.t('2. Pre-copy does not converge'),
    'page-cache-helps': vscode.l10n.t('3. The page cache helps'),
    drain: vscode.l10n.t('4. The drain and its quiet'),
  };
  const items = LESSONS.map((lesson) => ({ lesson, label: titles[lesson] }));
  const chosen = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Lessons'),
    placeHolder: vscode.l10n.t('Each takes about ten minutes'),
  });
  if (chosen) await openLesson(core, chosen.lesson);
}

export async function openLesson(core: Core, lesson: Lesson): Promise<void> {
  const folder = vscode.Uri.joinPath(core.context.extensionUri, 'media/lessons');
  const translated = vscode.Uri.joinPath(folder, `${lesson}.${vscode.env.language}.md`);
  const exists = await vscode.workspace.fs.stat(translated).then(
    () => true,
    () => false,
  );
  const text = exists ? translated : vscode.Uri.joinPath(folder, `${lesson}.md`);
  await vscode.commands.executeCommand('markdown.showPreview', text);
}

/** Starts the guest of a lesson. @throws ServiceError when it does not start. */
export async function startLesson(core: Core, list: HostList, lesson: Lesson): Promise<void> {
  const workload = core.context.asAbsolutePath(`media/lessons/${lesson}.json`);
  await startSimulated(core, list, workload, `lesson-${lesson}`);
  await vscode.commands.executeCommand('migrascope.hosts.focus');
}

export function isLesson(value: unknown): value is Lesson {
  return LESSONS.some((lesson) => lesson === value);
}
