/** How errors and warnings reach a person: on stderr, without stack traces unless MIGRASCOPE_DEBUG is set. */
import { DescriptionError, MigrascopeError, messageOf } from '../base/errors.js';
import type { Logger, LogLevel } from '../base/logger.js';
import { printable } from './view/style.js';
import type { World } from './world.js';

/** Whether stack traces and debug messages are wanted. */
export function isDebugging(env: World['env']): boolean {
  return !['', '0', undefined].includes(env['MIGRASCOPE_DEBUG']);
}

/** `migrascope: message`, and `  hint: …` where there is one. */
export function reportError(world: Pick<World, 'stderr' | 'env'>, error: unknown): void {
  const known = error instanceof MigrascopeError;
  const hint = known
    ? error.hint
    : 'This is a defect of Migrascope; MIGRASCOPE_DEBUG=1 shows where it is.';
  const message = messageOf(error);
  // Of the lines of a description each says one fault; what anybody else says stays one line.
  const lines = error instanceof DescriptionError ? message.split('\n') : [message];
  world.stderr.write(`migrascope: ${lines.map(printable).join('\n')}\n`);
  if (hint) world.stderr.write(`  hint: ${printable(hint)}\n`);
  if (isDebugging(world.env) && error instanceof Error) {
    for (let each: unknown = error; each instanceof Error; each = each.cause) {
      world.stderr.write(`${each.stack ?? each.message}\n`);
    }
  }
}

/** A logger that gives warnings and errors to `show`, and writes the rest to stderr when debugging. */
export function createLogger(
  world: Pick<World, 'stderr' | 'env'>,
  show: (message: string) => void,
): Logger {
  const debugging = isDebugging(world.env);
  return {
    log(level: LogLevel, message: string) {
      if (level === 'warn' || level === 'error') show(message);
      else if (debugging) world.stderr.write(`${level}: ${printable(message)}\n`);
    },
  };
}
