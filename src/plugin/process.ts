/** Starts a plugin's program as a child process: no shell, named variables, a process group of its own. */
import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { messageOf } from '../base/errors.js';
import { MANIFEST } from './manifest.js';
import type { PluginDescription, PluginExit, StartPluginProcess } from './types.js';

/** The variables of our environment that every plugin gets. */
const USUAL_VARIABLES = ['HOME', 'LANG', 'LC_ALL', 'PATH', 'TMPDIR', 'USER'];

/** @param environment of which the named variables are handed on. */
export function processStarter(
  environment: Readonly<Record<string, string | undefined>>,
): StartPluginProcess {
  return (description) => {
    const { folder, command } = description;
    const env: Record<string, string> = {};
    for (const name of [...USUAL_VARIABLES, ...description.environment]) {
      const value = environment[name];
      if (value !== undefined) env[name] = value;
    }
    const [program = '', ...args] = command;
    const path = program.includes('/') && !isAbsolute(program) ? resolve(folder, program) : program;
    const child = spawn(path, args, { cwd: folder, env, detached: true, stdio: 'pipe' });
    const exited = new Promise<PluginExit>((settle) => {
      child.once('error', (error) => settle({ how: `can't be started: ${messageOf(error)}` }));
      child.once('exit', (code, signal) =>
        settle(
          code === null
            ? { how: `was ended by ${signal ?? 'a signal'}` }
            : { how: `ended with exit code ${code}`, code },
        ),
      );
    });
    return {
      input: child.stdin,
      output: child.stdout,
      errors: child.stderr,
      exited,
      kill: (signal) => {
        if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
        // Its whole group: a shell's children hold its pipes.
        process.kill(-child.pid, signal);
      },
    };
  };
}

/** Of the files whose change has a plugin started anew: when each was changed, and its size. */
export async function fingerprintOf(description: PluginDescription): Promise<string> {
  const { folder, command, watch } = description;
  const marks = [MANIFEST, ...command, ...watch].map(async (name) => {
    const found = await stat(join(folder, name)).catch(() => undefined);
    return found?.isFile() ? `${name}:${found.mtimeMs}:${found.size}` : '';
  });
  return (await Promise.all(marks)).join('\n');
}
