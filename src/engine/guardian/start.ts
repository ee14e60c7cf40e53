/** Starts a guardian as a process of its own, which outlives this one and its terminal. */
import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { builtPath } from '../../base/built-files.js';
import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import { LineReader } from '../../base/line-reader.js';
import type { GuardianLink } from './lease.js';
import { longestMessage, parseFromGuardian } from './messages.js';

/** The variables of our environment that it gets; nothing else. */
const PASSED_ON = [
  ...['HOME', 'LANG', 'LC_ALL', 'LOGNAME', 'PATH', 'SSH_AUTH_SOCK', 'TMPDIR', 'USER'],
  'ELECTRON_RUN_AS_NODE',
];

/** How long the end of a process's output may come after its input broke, in milliseconds. */
const DEATH_MS = 500;

export interface GuardianProcessOptions {
  readonly clock: Clock;
  /** The file that takes what it says of itself; nobody hears it otherwise. */
  readonly log?: string;
  /** The program, a JavaScript file; the one that was built unless told. */
  readonly program?: string;
  /** Is told the id of the process. */
  readonly onStart?: (pid: number) => void;
}

/** @throws Error when it can't be started. */
export async function startGuardianProcess(options: GuardianProcessOptions): Promise<GuardianLink> {
  const program = options.program ?? (await builtPath('guardian.js'));
  const env: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  const log = options.log === undefined ? undefined : await open(options.log, 'a', 0o600);
  try {
    const child = spawn(process.execPath, [program], {
      cwd: '/',
      detached: true,
      env,
      stdio: ['pipe', 'pipe', log?.fd ?? 'ignore'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    options.onStart?.(child.pid!);
    return linkTo(child, options.clock);
  } finally {
    await log?.close();
  }
}

function linkTo(child: ReturnType<typeof spawn>, clock: Clock): GuardianLink {
  const stdin = child.stdin!;
  const stdout = child.stdout!;
  const lines = new LineReader('the guardian', longestMessage);
  const closed: ((why: string, gone: boolean) => void)[] = [];
  let end: { readonly why: string; readonly gone: boolean } | undefined;
  const close = (why: string, gone = false) => {
    if (end) return;
    end = { why, gone };
    for (const listener of closed) listener(why, gone);
  };
  // A process that is gone is told of by its output, too; which of the two comes first is chance.
  stdin.on('error', () => void clock.sleep(DEATH_MS).then(() => close('does not listen any more')));
  stdout.on('error', (error) => close(`can't be heard any more: ${messageOf(error)}`));
  stdout.on('end', () => close('ended', true));
  child.on('error', (error) => close(messageOf(error)));
  return {
    send: (message) => void stdin.write(`${JSON.stringify(message)}\n`),
    onMessage: (listener) => {
      stdout.on('data', (chunk: Buffer) => {
        try {
          for (const line of lines.push(chunk)) listener(parseFromGuardian(line));
        } catch (error) {
          close(`can't be understood: ${messageOf(error)}`);
          stdin.end();
        }
      });
    },
    onClosed: (listener) => {
      if (end) listener(end.why, end.gone);
      else closed.push(listener);
    },
    close: () => stdin.end(),
  };
}
