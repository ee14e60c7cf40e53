/**
 * A simulated guest's day: a disk of 10 TiB, 100 GiB written in pages, with the disk's content kept.
 * Tells processor time and memory for each way of writing.
 */
import { createGuest } from '../src/simulator/guest/guest.js';
import type { GuestDevice } from '../src/simulator/guest/types.js';
import { createImage } from '../src/simulator/image/image.js';
import { createRandom } from '../src/simulator/random.js';
import type { OpenFile, SystemCalls, Workload } from '../src/simulator/workload/types.js';

const SIZE = 10 * 1024 ** 4;
const PAGES = (100 * 1024 ** 3) / 4096;
const DAY_MS = 86_400_000;
const TICK_MS = 50;
const REGION_PAGES = SIZE / 8 / 4096;

type Write = (calls: SystemCalls, file: OpenFile, pages: number) => void;

export function benchSimulatedGuest(): Promise<void> {
  const random = createRandom(1, 'bench');
  let at = 0;
  const writes: Record<string, Write> = {
    random(calls, file, pages) {
      for (let page = 0; page < pages; page++) calls.write(file, random.below(file.pages), 1);
    },
    sequential(calls, file, pages) {
      calls.write(file, at % (REGION_PAGES - pages), pages);
      at += pages;
    },
  };
  for (const [name, write] of Object.entries(writes)) console.log(name, day(write));
  return Promise.resolve();
}

function day(write: Write): string {
  const image = createImage({ size: SIZE, seed: 1 });
  const begun = process.cpuUsage();
  let version = 1;
  const device: GuestDevice = {
    size: SIZE,
    writePages: (first, count) => image.stamp(first, count, version),
    discardPages: (first, count) => image.zero(first * 4096, count * 4096, true),
  };
  const settings = { cacheBytes: 1024 ** 3 };
  const guest = createGuest({ device, workload: rewriting(write), settings, seed: 1 });
  let looked = 0;
  let peak = 0;
  for (let now = 0; now <= DAY_MS; now += 60_000) {
    version++;
    guest.advance(now);
    looked += guest.look({ clean: false }).runs.length;
    peak = Math.max(peak, process.memoryUsage().rss);
  }
  const { user, system } = process.cpuUsage(begun);
  const gib = (bytes: number) => (bytes / 1024 ** 3).toFixed(2);
  return `${((user + system) / 1e6).toFixed(1)} s of processor, ${gib(peak)} GiB resident, ${gib(guest.writtenBytes)} GiB to the disk, ${looked} runs looked at`;
}

function rewriting(write: Write): Workload {
  return {
    name: 'rewriting',
    description: 'Writes 100 GiB in a day.',
    files: [
      { path: '/data/region', pages: REGION_PAGES },
      { path: '/data/settled', pages: 2 * REGION_PAGES },
    ],
    start(calls) {
      const file = calls.open('/data/region')!;
      let [turn, owed] = [0, 0];
      return {
        get nextMs() {
          return turn * TICK_MS;
        },
        act() {
          turn++;
          owed += (PAGES * TICK_MS) / DAY_MS;
          const pages = Math.floor(owed);
          owed -= pages;
          write(calls, file, pages);
        },
      };
    },
  };
}
