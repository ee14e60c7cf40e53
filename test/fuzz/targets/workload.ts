/** Described workloads: any file is taken or refused with its place, and what is taken runs in a guest. */
import { DescriptionError, UsageError } from '../../../src/base/errors.js';
import {
  builtInWorkloads,
  createGuest,
  createWorkload,
  PAGE_BYTES,
  workloadCalled,
} from '../../../src/simulator/index.js';
import type { RunningWorkload, Workload } from '../../../src/simulator/index.js';
import { parseWorkload } from '../../../src/simulator/workload/index.js';
import { description } from '../../unit/simulator/workload/any-description.js';
import type { Random } from '../../unit/support/random.js';
import { wholeOf, type FuzzInput } from '../harness/input.js';
import {
  kindOf,
  must,
  TAKEN,
  Violation,
  type FuzzTarget,
  type Verdict,
} from '../harness/target.js';
import { mutateBytes } from '../mutate/bytes.js';
import { mutateJson } from '../mutate/json.js';
import { arbitrary } from '../mutate/turns.js';

const MIB = 1024 ** 2;
/** Of disks that are nearly full at once, and of such that have room; in bytes. */
const DISKS = [16 * MIB, 64 * MIB, 1024 * MIB];
const CACHE_BYTES = 4 * MIB;
/** How long a workload runs at most, in milliseconds of the guest and in acts. */
const RUN_MS = 3000;
const MOST_ACTS = 300;
/** Problems that a person is told at once, and the longest one, in characters. */
const MOST_PROBLEMS = 10;
const LONGEST_MESSAGE = 2000;

const described = builtInWorkloads.map((name) => workloadCalled(name));
/** As people write them, and in a line, as the mutator of JSON takes it. */
const texts = described.map((each) => Buffer.from(JSON.stringify(each, null, 2)));
const lines = described.map((each) => Buffer.from(JSON.stringify(each)));

function made(random: Random): Buffer {
  const index = random.below(lines.length);
  const chance = random.next();
  if (chance < 0.35) return mutateJson(lines[index]!, random);
  if (chance < 0.5) return mutateBytes(texts[index]!, random, texts[random.below(texts.length)]!);
  const any = Buffer.from(JSON.stringify(arbitrary(description, random)));
  return chance < 0.75 ? any : mutateJson(any, random);
}

/** The first cut says on which disk it runs. */
function make(random: Random): FuzzInput {
  return { turns: [made(random)], cuts: [1 + random.below(DISKS.length)], ending: 'end' };
}

function read(input: FuzzInput): Verdict {
  const text = wholeOf(input).toString();
  try {
    const read = parseWorkload(text, 'any.json');
    const diskBytes = DISKS[((input.cuts[0] ?? 1) - 1) % DISKS.length]!;
    run(createWorkload(read, { diskBytes }), diskBytes, mostDirty(read.writers.length));
    return TAKEN;
  } catch (error) {
    if (error instanceof DescriptionError) {
      checkProblems(error, text);
      return 'refused';
    }
    if (error instanceof Violation) throw error;
    return kindOf(error);
  }
}

function checkProblems({ problems }: DescriptionError, text: string): void {
  must(problems.length > 0 && problems.length <= MOST_PROBLEMS, `${problems.length} problems.`);
  const rows = text.split(/\r\n|[\n\r]/);
  for (const { line, column, message } of problems) {
    const row = rows[line - 1];
    must(row !== undefined && column >= 1 && column <= row.length + 1, `At ${line}:${column}.`);
    must(message.length <= LONGEST_MESSAGE, `A message of ${message.length} characters.`);
  }
}

/** Each writer is held back after a call, of 4 MiB at most; and the kernel has its metadata. */
function mostDirty(writers: number): number {
  return CACHE_BYTES + (writers + 1) * 4 * MIB;
}

/** @throws UsageError when what it lays out does not fit; Violation. */
function run(workload: Workload, diskBytes: number, most: number): void {
  let written = 0;
  const pages = diskBytes / PAGE_BYTES;
  const device = {
    size: diskBytes,
    writePages(first: number, count: number): void {
      must(first >= 0 && count > 0 && first + count <= pages, `A write of ${count} at ${first}.`);
      written += count;
    },
    discardPages: () => undefined,
  };
  const settings = { cacheBytes: CACHE_BYTES };
  const guest = createGuest({ device, workload: short(workload), settings, seed: 1 });
  for (let ms = RUN_MS / 3; ms <= RUN_MS; ms += RUN_MS / 3) {
    try {
      guest.advance(ms);
    } catch (error) {
      // What lays out is refused before; a guest that runs refuses nothing.
      must(!(error instanceof UsageError), `The guest ended: ${String(error)}`);
      throw error;
    }
    must(guest.monotonicMs === ms, `It is ${guest.monotonicMs} ms in the guest, not ${ms}.`);
    must(guest.dirtyBytes <= most, `${guest.dirtyBytes} bytes are dirty.`);
  }
  guest.pause(RUN_MS);
  must(guest.writtenBytes <= written * PAGE_BYTES, 'More was written than arrived.');
}

/** The workload, which ends after so many acts. */
function short(workload: Workload): Workload {
  return {
    ...workload,
    start(calls, seed): RunningWorkload {
      const running = workload.start(calls, seed);
      let acts = 0;
      return {
        get nextMs() {
          return acts < MOST_ACTS ? running.nextMs : Infinity;
        },
        act() {
          const { nextMs } = running;
          acts++;
          running.act();
          must(running.nextMs >= nextMs, `Its time goes back from ${nextMs} ms.`);
        },
      };
    },
  };
}

export const workloadTarget: FuzzTarget = {
  name: 'workload',
  about: 'files that describe workloads, and what a guest does by them',
  share: 2,
  make,
  read,
};
