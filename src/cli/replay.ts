/** `migrascope replay`: a recorded migration again, or what another policy would have done with its writes. */
import { Command, Option } from 'commander';
import { setTimeout as delay } from 'node:timers/promises';
import { UsageError } from '../base/errors.js';
import { ControlledGate, type MigrationEvent, type PolicyName } from '../engine/index.js';
import {
  Recorder,
  readTrace,
  recordedBandwidth,
  replayWith,
  type Recording,
  type Replayed,
} from '../experiment/index.js';
import { PacedClock } from '../simulator/index.js';
import { viewFor } from './controller.js';
import { exitCodeOfRun, EXIT, type ExitCode } from './exit-codes.js';
import { Interrupt } from './interrupt.js';
import { formatBytes, formatDuration, parseRate } from '../base/units.js';
import { JsonView, PlainView } from './view/line-views.js';
import { LiveView } from './view/live.js';
import type { RunView } from './view/run-view.js';
import { createStyle, wantsColours } from './view/style.js';
import { renderTable, type Column } from './view/table.js';
import type { World } from './world.js';

const EXAMPLES = `
Examples:
  migrascope replay run.jsonl.gz
      shows it again, ten times as fast; --speed 1 as it was
  migrascope replay run.jsonl.gz --policy cache
      what that policy would have done with the writes of the recorded guest
`;

interface ReplayFlags {
  readonly policy?: PolicyName;
  readonly speed: number;
  readonly network?: number;
  readonly json?: true;
}

/** @param finish takes the exit code. */
export function replayCommand(world: World, finish: (code: ExitCode) => void): Command {
  return new Command('replay')
    .description('show a recorded migration again, or what another policy would have done')
    .argument('<trace>', 'a file that `migrascope migrate --trace` wrote')
    .addOption(
      new Option('--policy <name>', 'migrate the recorded guest anew, in virtual time').choices([
        'plain',
        'history',
        'cache',
      ]),
    )
    .option('--speed <factor>', 'so much faster than it was, such as 10x', parseSpeed, 10)
    .option(
      '--network <rate>',
      'with --policy: bytes a second, where the recording had no cap (default: what it reached)',
      (text) => parseRate(text, '--network'),
    )
    .option('--json', 'print one object a line')
    .addHelpText('after', EXAMPLES)
    .action(async (trace: string, flags: ReplayFlags) => {
      finish(
        await (flags.policy
          ? runPolicy(world, trace, flags.policy, flags)
          : runShow(world, trace, flags)),
      );
    });
}

/** @throws UsageError when it is no factor. */
export function parseSpeed(text: string): number {
  const factor = Number(text.trim().replace(/x$/i, ''));
  if (text.trim() !== '' && factor > 0 && factor <= 1e6) return factor;
  throw new UsageError(`--speed: '${text}' is not a speed that can be used.`, {
    hint: 'Give a factor above 0, such as 10x or 0.5.',
  });
}

async function runShow(
  world: World,
  trace: string,
  { speed, json }: ReplayFlags,
): Promise<ExitCode> {
  const interrupt = new Interrupt(
    world,
    () => undefined,
    () => 'Nothing is left of it.',
  );
  const clock = new PacedClock(world.clock, speed);
  const gate = new ControlledGate();
  const queue: MigrationEvent[] = [];
  await readTrace(trace, (event) => queue.push(event));
  const shown = { ...world, clock: { ...world.clock, now: () => clock.now() } };
  const kind = viewFor(world, json);
  const onReaderGone = (): void => interrupt.cancel('nobody reads');
  const view: RunView =
    kind === 'live'
      ? new LiveView({ world: shown, gate, interrupt, stepping: false })
      : new (kind === 'json' ? JsonView : PlainView)({ world, onReaderGone });
  try {
    for (const event of queue) {
      const waitMs = (event.t - clock.now()) / speed;
      if (waitMs > 0) await delay(waitMs, undefined, { signal: interrupt.signal });
      view.sink(event);
      await view.ready(interrupt.signal);
    }
    return EXIT.completed;
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT.cancelled;
    throw error;
  } finally {
    await view.close();
    interrupt.close();
  }
}

async function runPolicy(
  world: World,
  trace: string,
  policy: PolicyName,
  { network, json }: ReplayFlags,
): Promise<ExitCode> {
  const recorder = new Recorder();
  await readTrace(trace, (event) => recorder.take(event));
  const recording = recorder.recording();
  const bytesPerSecond = network ?? recordedBandwidth(recording);
  if (bytesPerSecond === undefined)
    throw new UsageError(`The trace ${trace} does not tell how fast it sent.`, {
      hint: 'Give --network, such as --network 100MiB.',
    });
  const cancel = new AbortController();
  const unhear = world.onEndSignal(() => cancel.abort());
  try {
    const replayed = await replayWith(recording, { policy, bytesPerSecond, signal: cancel.signal });
    const lines = json
      ? [JSON.stringify(replayed.result.summary)]
      : answer(world, recording, replayed);
    for (const line of lines) world.stdout.write(`${line}\n`);
    return exitCodeOfRun(replayed.result.summary, replayed.result.error);
  } finally {
    unhear();
  }
}

const COLUMNS: readonly Column[] = [
  { title: '', width: 20, align: 'left' },
  { title: 'policy', width: 10, align: 'left' },
  { title: 'sent', width: 11, align: 'right' },
  { title: 're-sent', width: 11, align: 'right' },
  { title: 'rounds', width: 8, align: 'right' },
  { title: 'total', width: 14, align: 'right' },
  { title: 'downtime', width: 10, align: 'right' },
];

function answer(world: World, { summary, looks, endMs }: Recording, replayed: Replayed): string[] {
  const style = createStyle(wantsColours(world.stdout, world.env));
  const row = (what: string, each: NonNullable<Recording['summary']>) => [
    what,
    each.policy,
    formatBytes(each.sentBytes),
    formatBytes(each.resentBytes),
    String(each.rounds),
    formatDuration(each.totalMs),
    formatDuration(each.downtimeMs),
  ];
  const rows = [
    ...(summary ? [row('recorded', summary)] : []),
    row('with its writes', replayed.result.summary),
  ];
  const notes = [
    ...(replayed.boundBytes === undefined
      ? []
      : [`No schedule sends less than ${formatBytes(replayed.boundBytes)} for these writes.`]),
    ...(looks.length === 0
      ? ['The recording tells nothing of the page cache: the policy went by the writes alone.']
      : []),
    ...(replayed.laps > 0
      ? [`The recording ends after ${formatDuration(endMs)}; from there on its writes came again.`]
      : []),
  ];
  return [...renderTable(COLUMNS, rows, style), ...(notes.length > 0 ? ['', ...notes] : [])];
}
