/** The world as it really is: this process, its streams and its signals. */
import { randomBytes } from 'node:crypto';
import { systemClock } from '../base/clock.js';
import type { EndSignal, World } from './world.js';

const END_SIGNALS: readonly EndSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * From now on a stream whose other end is gone ends no command by itself: whoever needs to know
 * listens, and a migration puts things back first.
 * @param parts how hosts and destinations are reached.
 */
export function systemWorld(
  parts: Pick<
    World,
    'connections' | 'startEngine' | 'attach' | 'resume' | 'runs' | 'forget' | 'recovery'
  >,
): World {
  for (const stream of [process.stdin, process.stdout, process.stderr]) {
    stream.on('error', () => undefined);
  }
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    clock: systemClock,
    newRun: () => randomBytes(4).toString('hex'),
    ...parts,
    onEndSignal: (listener) => {
      const heard = (signal: NodeJS.Signals) => listener(signal as EndSignal);
      for (const signal of END_SIGNALS) process.on(signal, heard);
      return () => {
        for (const signal of END_SIGNALS) process.off(signal, heard);
      };
    },
    onExit: (listener) => {
      const heard = () => listener();
      process.on('exit', heard);
      return () => process.off('exit', heard);
    },
    exit: (code) => process.exit(code),
  };
}
