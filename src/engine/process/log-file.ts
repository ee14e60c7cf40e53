/** The log of an engine process: lines of text in its run's folder, bounded. */
import { appendFileSync } from 'node:fs';
import type { Clock } from '../../base/clock.js';
import type { Logger, LogLevel } from '../../base/logger.js';

/** In characters; what comes later is left out. */
const LARGEST_LOG = 16 * 1024 * 1024;
/** Of one message, in characters. */
const LONGEST_LINE = 4096;

const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

/**
 * A logger that adds lines to a file; what can't be written is left out.
 * @param most the least important level that is written.
 */
export function createLogFile(path: string, clock: Clock, most: LogLevel): Logger {
  let length = 0;
  return {
    log(level, message) {
      if (LEVELS.indexOf(level) > LEVELS.indexOf(most) || length > LARGEST_LOG) return;
      const seconds = (clock.now() / 1000).toFixed(3);
      const line = `${seconds} ${level}: ${message.slice(0, LONGEST_LINE).replaceAll('\n', '\\n')}\n`;
      length += line.length;
      const text = length > LARGEST_LOG ? `${line}(the log is full)\n` : line;
      try {
        appendFileSync(path, text, { mode: 0o600 });
      } catch {
        // Whoever can't be told by a full disk hears by the control socket.
      }
    },
  };
}
