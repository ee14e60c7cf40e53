/** The form by which a migration is started: a few questions, answered as last time unless told. */
import * as vscode from 'vscode';
import { formatBytes, parseDuration, parseRate } from '../../base/units.js';
import type { StartRequest } from '../../service/types.js';
import type { Core } from '../core.js';

/** What is remembered of the newest migration of a disk. */
interface Answers {
  readonly destination: string;
  readonly policy: 'plain' | 'history' | 'cache';
  readonly pivot: boolean;
  readonly bandwidth: string;
  readonly downtime: string;
  readonly held: boolean;
}

interface Remembered {
  /** What the proposed destination is made of. */
  readonly base: string;
}

const FIRST: Omit<Answers, 'destination'> = {
  policy: 'cache',
  pivot: true,
  bandwidth: '',
  downtime: '300ms',
  held: true,
};
const STEPS = 6;

/** @returns what to start; undefined where the person left. */
export async function askMigration(
  core: Core,
  host: string,
  disk: { readonly name: string; readonly size: number },
): Promise<StartRequest | undefined> {
  const key = `migrate:${host}:${disk.name}`;
  const last = core.context.workspaceState.get<Answers & Partial<Remembered>>(key);
  const base = last?.base ?? last?.destination ?? `file:/tmp/${disk.name}.img`;
  const proposed = { ...FIRST, ...last, destination: newFile(base) };
  const answers = await ask(proposed, `${host} ${disk.name}, ${formatBytes(disk.size)}`);
  if (!answers) return undefined;
  const { destination } = answers;
  const kept = { ...answers, base: destination === proposed.destination ? base : destination };
  await core.context.workspaceState.update(key, kept);
  return requestOf(host, disk.name, answers, core);
}

async function ask(last: Answers, what: string): Promise<Answers | undefined> {
  const title = (step: number): string => vscode.l10n.t('Migrate {0} ({1}/{2})', what, step, STEPS);
  const destination = await input(
    title(1),
    vscode.l10n.t('Where to? file:PATH, nbd://HOST/NAME or nbd+unix:///NAME?socket=PATH'),
    last.destination,
    destinationFault,
  );
  if (destination === undefined) return undefined;
  const policy = await pick<Answers['policy']>(
    title(2),
    vscode.l10n.t('What should wait?'),
    last.policy,
    [
      ['cache', 'cache', vscode.l10n.t("what the guest's page cache is about to write")],
      ['history', 'history', vscode.l10n.t('what was written often')],
      ['plain', 'plain', vscode.l10n.t('nothing: the baseline')],
    ],
  );
  if (policy === undefined) return undefined;
  const pivot = destination.startsWith('file:')
    ? await pick(title(3), vscode.l10n.t('At the end?'), last.pivot, [
        [true, vscode.l10n.t('Switch over'), vscode.l10n.t('the guest goes on with the new disk')],
        [false, vscode.l10n.t('Copy'), vscode.l10n.t('the guest stays; a point-in-time copy')],
      ])
    : false;
  if (pivot === undefined) return undefined;
  const bandwidth = await input(
    title(4),
    vscode.l10n.t('Send at most how much a second? Such as 100MiB; empty for no cap'),
    last.bandwidth,
    (text) => (text === '' ? undefined : unitFault(() => parseRate(text, 'bandwidth'))),
  );
  if (bandwidth === undefined) return undefined;
  const downtime = await input(
    title(5),
    vscode.l10n.t('How long may the guest be paused?'),
    last.downtime,
    (text) => unitFault(() => parseDuration(text, 'downtime limit')),
  );
  if (downtime === undefined) return undefined;
  const held = await pick(title(6), vscode.l10n.t('Begin how?'), last.held, [
    [true, vscode.l10n.t('Held'), vscode.l10n.t('before its first statement, to step from there')],
    [false, vscode.l10n.t('Running'), vscode.l10n.t('it can be paused at any time')],
  ]);
  if (held === undefined) return undefined;
  return { destination, policy, pivot, bandwidth, downtime, held };
}

function requestOf(host: string, disk: string, answers: Answers, core: Core): StartRequest {
  const { destination, policy, pivot, bandwidth, downtime, held } = answers;
  const path = destination.slice('file:'.length);
  return {
    host,
    held,
    guardian: true,
    options: {
      disk,
      destination: destination.startsWith('file:')
        ? {
            type: 'file',
            path,
            format: path.endsWith('.qcow2') ? 'qcow2' : 'raw',
            overwrite: false,
          }
        : { type: 'nbd', uri: destination },
      policy,
      ...(bandwidth === '' ? {} : { maxBandwidth: parseRate(bandwidth, 'bandwidth') }),
      downtimeLimitMs: parseDuration(downtime, 'downtime limit'),
      granularity: core.setting('migration.granularityKiB', 64) * 1024,
      maxRounds: core.setting('migration.maxRounds', 30),
      verify: core.setting('migration.verify', 'sent'),
      pivot,
      trim: false,
    },
  };
}

/** A file is made anew for each migration, so that its name has to be one that is not there yet. */
function newFile(base: string): string {
  if (!base.startsWith('file:')) return base;
  return base.replace(/(\.[^./]+)?$/, (extension) => `-${Date.now().toString(36)}${extension}`);
}

function destinationFault(text: string): string | undefined {
  if (/^file:\/[^/]/.test(text) || /^nbd(\+unix)?:\/\/.+/.test(text)) return undefined;
  return vscode.l10n.t(
    'Give file: and an absolute path, nbd://HOST[:PORT]/NAME or nbd+unix:///NAME?socket=PATH.',
  );
}

function unitFault(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function input(
  title: string,
  prompt: string,
  value: string,
  validateInput: (text: string) => string | undefined,
): Thenable<string | undefined> {
  return vscode.window.showInputBox({ title, prompt, value, validateInput, ignoreFocusOut: true });
}

async function pick<T>(
  title: string,
  placeHolder: string,
  last: T,
  choices: readonly (readonly [T, string, string])[],
): Promise<T | undefined> {
  const items = choices
    .map(([value, label, description]) => ({ value, label, description }))
    .sort((a, b) => Number(b.value === last) - Number(a.value === last));
  const chosen = await vscode.window.showQuickPick(items, {
    title,
    placeHolder,
    ignoreFocusOut: true,
  });
  return chosen?.value;
}
