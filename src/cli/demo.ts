/** `migrascope demo`: a simulated guest is moved while a person watches, then what plain pre-copy would have done. */
import { Command } from 'commander';
import { systemClock, type Clock } from '../base/clock.js';
import { ControlledGate } from '../engine/index.js';
import { compare, runScenario, workloadGuest, type ComparisonRow } from '../experiment/index.js';
import { PacedClock, workloadCalled } from '../simulator/index.js';
import { comparisonLines } from './compare.js';
import { viewFor } from './controller.js';
import { exitCodeOfRun, type ExitCode } from './exit-codes.js';
import { Interrupt } from './interrupt.js';
import { formatBytes, formatRate } from '../base/units.js';
import { PlainView } from './view/line-views.js';
import { LiveView } from './view/live.js';
import type { RunView } from './view/run-view.js';
import type { World } from './world.js';

const MiB = 1024 ** 2;
const DISK = 512 * MiB;
const MEMORY = 256 * MiB;
const CAP = 8 * MiB;
const WARM_UP_MS = 40_000;
/** So much faster than real time it goes, so that it is over before one has had enough. */
const PACE = 3;
const WORKLOAD = 'random-rewrite';
const SEED = 1;

const SCENARIO = {
  network: { bytesPerSecond: 100 * MiB, delayMs: 0.2 },
  probe: true,
  options: {
    maxBandwidth: CAP,
    downtimeLimitMs: 300,
    granularity: 64 * 1024,
    maxRounds: 30,
    verify: 'sent',
    pivot: true,
  },
} as const;

const NEXT = `
Try next:
  migrascope compare --workload database,mail-server --max-bandwidth 8MiB
  migrascope lab up --simulated --workload zipf-rewrite
  migrascope migrate lab disk0 --to file:/tmp/moved.img --pivot --max-bandwidth 8MiB --step
`;

/** @param finish takes the exit code. */
export function demoCommand(world: World, finish: (code: ExitCode) => void): Command {
  return new Command('demo')
    .description(
      'move the disk of a simulated guest, and see what the page cache saves; needs nothing',
    )
    .action(async () => finish(await runDemo(world)));
}

async function runDemo(world: World): Promise<ExitCode> {
  const recipe = { diskBytes: DISK, cacheBytes: MEMORY, seed: SEED, rate: 1 };
  const guest = workloadGuest(workloadCalled(WORKLOAD), recipe);
  world.stdout.write(
    `A simulated guest keeps rewriting random pages of its ${formatBytes(DISK)} disk. It moves at\n` +
      `${formatRate(CAP)}, with policy cache, ${PACE} times as fast as in real time.\n\n`,
  );
  const clock = new PacedClock(systemClock, PACE, WARM_UP_MS);
  const views: RunView[] = [];
  const interrupt = new Interrupt(
    world,
    (message) => views[0]?.note(message),
    () => 'Nothing is left of the simulated lab.',
  );
  const gate = new ControlledGate();
  const view = openView(world, gate, interrupt, clock);
  views.push(view);
  try {
    const { summary, error } = await runScenario(
      { ...SCENARIO, guest, warmUpMs: 0, options: { ...SCENARIO.options, policy: 'cache' } },
      { clock, gate, sink: view.sink, signal: interrupt.signal },
    );
    await view.close();
    if (summary.outcome === 'completed' && !interrupt.signal.aborted)
      await sideBySide(world, guest, interrupt.signal);
    return exitCodeOfRun(summary, error);
  } finally {
    await view.close();
    interrupt.close();
  }
}

function openView(world: World, gate: ControlledGate, interrupt: Interrupt, clock: Clock): RunView {
  if (viewFor(world, undefined) === 'live') {
    // Frames come in real time; what they tell is in the guest's.
    const shown = { ...world, clock: { ...world.clock, now: () => clock.now() } };
    return new LiveView({ world: shown, gate, interrupt, stepping: false });
  }
  return new PlainView({ world, onReaderGone: () => interrupt.cancel('nobody reads') });
}

/** The very same writes again, in virtual time, under both policies. */
async function sideBySide(
  world: World,
  guest: Parameters<typeof compare>[0]['guest'],
  signal: AbortSignal,
): Promise<void> {
  world.stdout.write('\nThe same writes, with and without the page cache:\n\n');
  const rows: ComparisonRow[] = [];
  const scenario = { ...SCENARIO, warmUpMs: WARM_UP_MS };
  const request = { workload: WORKLOAD, guest, scenario, signal };
  for await (const row of compare({ ...request, policies: ['plain', 'cache'] })) rows.push(row);
  for (const line of comparisonLines(world, rows)) world.stdout.write(`${line}\n`);
  world.stdout.write(NEXT);
}
