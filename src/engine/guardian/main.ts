/** The guardian's process: lines of the engine come in by standard input, answers go to standard output. */
import { systemClock, systemToday } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import { LineReader } from '../../base/line-reader.js';
import { Guardian } from './guardian.js';
import {
  longestMessage,
  parseToGuardian,
  type FromGuardian,
  type GuardianTask,
} from './messages.js';
import { guardianWorld, lookAtSecond } from './world.js';

const clock = systemClock;
const today = systemToday;
const logger = {
  log: (level: string, message: string) =>
    void process.stderr.write(`${today().toISOString()} guardian ${level}: ${message}\n`),
};
const tell = (message: FromGuardian) => void process.stdout.write(`${JSON.stringify(message)}\n`);

for (const stream of [process.stdin, process.stdout, process.stderr]) {
  stream.on('error', () => undefined);
}
// Whoever ends the engine by its terminal or its session does not mean its guardian.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGPIPE'] as const) process.on(signal, () => undefined);

let guardian: Guardian | undefined;

async function begin(task: GuardianTask): Promise<void> {
  const world = guardianWorld(task, { clock, logger, today, tell });
  guardian = new Guardian(world, task);
  void guardian.done.then(() => process.exit(0));
  const warning = await lookAtSecond(world);
  const by = world.reachBySecond && warning === undefined ? 'second' : 'shared';
  tell({ type: 'ready', by, ...(warning === undefined ? {} : { warning }) });
}

const lines = new LineReader('the engine', longestMessage);
process.stdin.on('data', (chunk: Buffer) => {
  try {
    for (const line of lines.push(chunk)) {
      const message = parseToGuardian(line);
      if (message.type === 'begin') void begin(message.task);
      else guardian?.receive(message);
    }
  } catch (error) {
    logger.log('error', messageOf(error));
    process.stdin.destroy();
    inputEnded();
  }
});
process.stdin.on('end', inputEnded);
process.stdin.on('close', inputEnded);

function inputEnded(): void {
  if (guardian) guardian.inputEnded();
  else process.exit(0);
}
