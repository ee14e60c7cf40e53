/** Brings a run to a point of the kill matrix, and lets it go on from there. */
import { setTimeout as delay } from 'node:timers/promises';
import type { CommandRun } from './command-run.js';
import type { Point } from './kill-table.js';
import type { MigrationLab } from './migration.js';
import { MiB } from './qemu-process.js';
import type { QmpRelay } from './qmp-relay.js';

export interface Place {
  readonly lab: MigrationLab;
  readonly run: CommandRun;
  /** Between the engine and its QEMU. */
  readonly relay: QmpRelay;
}

/** Lets a run that stands at its point go on, in all the ways in which it was held up. */
export type LetGo = () => void | Promise<void>;

/** A guest's name for its probe's process. */
export const PROBE = 'migrascope-probe';

/** Resolves when the run is at `point`. */
export async function bringTo(point: Point, place: Place): Promise<LetGo> {
  const line = /^before-(\d+)$/.exec(point)?.[1];
  if (line !== undefined) {
    await place.run.stepTo(Number(line));
    return () => place.run.letGo();
  }
  return MIDDLE[point as keyof typeof MIDDLE](place);
}

const MIDDLE = {
  'mid-batch': async ({ run }: Place) => {
    await run.stepTo(8);
    await run.limit({ maxBandwidth: 8 * MiB });
    run.letGo();
    await run.event(({ type }) => type === 'sent');
    return () => run.limit({ maxBandwidth: null });
  },
  'mid-flip': (place: Place) => inCommand(place, 9, 'transaction', 'before'),
  'mid-drain': midDrain,
  'mid-pause': (place: Place) => inCommand(place, 15, 'stop', 'after'),
  'mid-last-copy': async ({ lab, run }: Place) => {
    await run.stepTo(15);
    await lab.lab.run('dd if=/dev/urandom of=/mnt/last bs=1M count=8 conv=fsync 2>/dev/null');
    await run.limit({ maxBandwidth: 2 * MiB, downtimeLimitMs: 120_000 });
    run.letGo();
    const paused = await run.event(({ type }) => type === 'paused');
    await run.event(({ type }) => type === 'sent', paused.seq);
    return () => run.limit({ maxBandwidth: null });
  },
  'mid-pivot-begin': (place: Place) => inCommand(place, 17, 'blockdev-mirror', 'before'),
  'mid-pivot-mirror': (place: Place) => inCommand(place, 17, 'job-complete', 'before'),
  'mid-pivot-done': (place: Place) => inCommand(place, 17, 'job-complete', 'after'),
};

async function inCommand(
  { run, relay }: Place,
  line: number,
  command: string,
  side: 'before' | 'after',
): Promise<LetGo> {
  await run.stepTo(line);
  const stop = relay.standAt(command, side);
  run.letGo();
  await stop.reached;
  // QEMU has done what it was told.
  if (side === 'after') await delay(100);
  return () => stop.release();
}

/** A probe that is stopped writes nothing back, and does not say so. */
async function midDrain({ lab, run }: Place): Promise<LetGo> {
  await run.stepTo(11);
  await lab.lab.run('dd if=/dev/urandom of=/mnt/last bs=1M count=8 2>/dev/null');
  await run.stepTo(12);
  await lab.lab.run(`kill -STOP $(pidof ${PROBE})`);
  run.letGo();
  await run.event((event) => event.type === 'statement' && event.line === 12);
  await delay(200);
  return async () => {
    await lab.lab.run(`kill -CONT $(pidof ${PROBE}) || true`);
  };
}
