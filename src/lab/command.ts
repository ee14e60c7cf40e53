/** Runs a tool of the system to its end. */
import { execFile } from 'node:child_process';
import { CancelledError, LabError } from '../base/errors.js';

/** Folders of tools for administrators, which are not on everybody's PATH. */
const MORE_FOLDERS = '/usr/local/sbin:/usr/sbin:/sbin';
const LARGEST_OUTPUT = 16 * 1024 * 1024;

export interface CommandOptions {
  readonly signal?: AbortSignal;
  readonly cwd?: string;
  /** The Debian package that brings the tool, for the hint when it is not there. */
  readonly package?: string;
}

/**
 * Runs `tool`.
 * @returns what it printed, a character for each byte (latin1).
 * @throws LabError when it is not there or fails, CancelledError.
 */
export async function runTool(
  tool: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const settings = {
      encoding: 'latin1' as const,
      maxBuffer: LARGEST_OUTPUT,
      env: { ...process.env, PATH: `${process.env.PATH ?? ''}:${MORE_FOLDERS}`, LC_ALL: 'C' },
      ...(options.cwd ? { cwd: options.cwd } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    };
    execFile(tool, args, settings, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else if (options.signal?.aborted) reject(new CancelledError(`${tool} was cancelled.`));
      else if (error.code === 'ENOENT') reject(missing(tool, options.package));
      else reject(failed(tool, args, stderr, error));
    });
  });
}

function missing(tool: string, name: string | undefined): LabError {
  return new LabError(`The lab needs ${tool}, and it is not on this machine.`, {
    hint: name ? `On Debian and Ubuntu: apt-get install ${name}` : 'Install it and try again.',
  });
}

function failed(tool: string, args: readonly string[], stderr: string, cause: Error): LabError {
  const said = stderr.trim().split('\n').slice(-3).join(' ') || cause.message;
  return new LabError(`${tool} ${args.join(' ')} failed: ${said}`, { cause });
}
