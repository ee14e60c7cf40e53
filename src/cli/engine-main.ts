/** The program of an engine process, dist/engine-process.js: takes a request on its input, greets on its output. */
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { systemClock, systemToday } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import {
  createLogFile,
  faultOf,
  migrate,
  runFolder,
  runsRoot,
  serveRun,
  type EngineGreeting,
  type EngineRequest,
} from '../engine/index.js';
import { openRun } from '../reach/index.js';
import { isDebugging } from './report.js';

const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
const { version } = JSON.parse(manifest) as { readonly version: string };

/** Whether whoever started this process was told how it began. */
const told = { yet: false };
function greet(greeting: EngineGreeting): void {
  told.yet = true;
  process.stdout.write(`${JSON.stringify(greeting)}\n`);
}

// Whoever started this process may be gone: what can't be told is not told.
process.stdout.on('error', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('SIGINT', () => undefined);

const request = JSON.parse(await text(process.stdin)) as EngineRequest;
const { log } = runFolder(runsRoot(), request.run);
const logger: Logger = createLogFile(log, systemClock, isDebugging(process.env) ? 'debug' : 'info');
process.on('uncaughtException', (error) => {
  logger.log('error', error.stack ?? messageOf(error));
  process.exit(1);
});
// A run that is held before its first statement, with nobody attached, has no connection that would
// keep this process: it stays until the run is over.
setInterval(() => undefined, 2 ** 30);

try {
  await serveRun(request, {
    migrate,
    openRun: (asked, itsLogger, accept) => openRun(asked, version, itsLogger, accept),
    onReady: () => greet({ ready: { pid: process.pid } }),
    onEndSignal: (listener) => process.on('SIGTERM', listener),
    logger,
    clock: systemClock,
    today: systemToday,
    version,
  });
} catch (error) {
  if (told.yet) logger.log('error', messageOf(error));
  else greet({ error: faultOf(error) });
  process.exitCode = 1;
}
if (process.stdout.writable) await new Promise((resolve) => process.stdout.write('', resolve));
process.exit();
