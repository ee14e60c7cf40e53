/** What the benches share: child processes that are ended by their handle, and the median. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Starts a server and waits until it has written its `pidFile`, by which it says that it listens.
 * @throws Error when it does not within ten seconds.
 */
export async function startServer(
  command: string,
  args: readonly string[],
  pidFile: string,
): Promise<ChildProcess> {
  const server = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let tries = 0; tries < 200; tries++) {
    const written = await stat(pidFile).then(
      () => true,
      () => false,
    );
    if (written) return server;
    await delay(50);
  }
  await endServer(server);
  throw new Error(`${command} did not write ${pidFile}.`);
}

export async function endServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await ended;
}

export function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? NaN;
}
