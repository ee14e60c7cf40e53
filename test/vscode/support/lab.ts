/** The lab's guests as the command sees them, with the folders of a VS Code. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Server } from './server.js';

const CLI = resolve(import.meta.dirname, '../../../dist/cli.js');

export interface LabGuest {
  readonly name: string;
  /** Addresses of its monitors. */
  readonly qmp: string;
  readonly monitor: string;
}

/** Runs the command; what it printed. */
export async function command(server: Server, ...words: readonly string[]): Promise<string> {
  const env = { ...process.env, ...server.environment };
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...words], { env });
  return stdout;
}

export async function labStatus(server: Server): Promise<readonly LabGuest[]> {
  return JSON.parse(await command(server, 'lab', 'status', '--json')) as LabGuest[];
}
