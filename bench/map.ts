/**
 * The disk map in a Chromium that draws in software, for 1, 4 and 16 million blocks, with WebGL2 and
 * without: the first paint, frames a second, what a round costs, and memory. `npm run build` first.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import type { EventBody } from '../src/engine/index.js';
import type { CellsNote } from '../src/service/types.js';
import { CellDiffer, cellsOf } from '../src/service/view/cells.js';
import { FileNames } from '../src/service/view/file-map.js';
import { Moment } from '../src/service/view/moment.js';
import type { Pages } from '../src/service/view/paged-words.js';
import { BundlePage, headerOf } from '../test/vscode/support/bundle-page.js';
import { launchChromium } from '../test/vscode/support/chromium.js';
import { median } from './support.js';
import { mib, ms, startOf } from './view.js';

const MILLION = 1024 * 1024;
const SIZES = [MILLION, 4 * MILLION, 16 * MILLION];
const UPDATES = 5;
const MOTION_MS = 2000;
/** Between the notes of a migration under way, at the most that the service sends. */
const NOTE_MS = 100;

/** What a round changes: so many runs of so many blocks, as shares of the disk or as numbers. */
const ROUNDS = [
  { name: '3 %, single blocks', runs: 0.03, length: 1 },
  { name: '3 %, runs of 1,024', runs: 0.03 / 1024, length: 1024 },
  { name: '3 %, one run', runs: 1, length: 0.03 },
  { name: '1,000 single blocks', runs: 1000, length: 1 },
] as const;

/** Prints, for each size and each painter, what the map costs. */
export async function benchMap(): Promise<void> {
  console.log(
    `Chromium draws in software here (SwiftShader), with no graphics card. Times in ms, medians of ${UPDATES}.\n`,
  );
  for (const blocks of SIZES)
    for (const withoutWebGl of [false, true]) await measure(blocks, withoutWebGl);
}

async function measure(blocks: number, withoutWebGl: boolean): Promise<void> {
  console.log(`-- ${blocks.toLocaleString('en')} blocks, ${withoutWebGl ? '2D canvas' : 'WebGL2'}`);
  const browser = await launchChromium();
  try {
    const options = { width: 1280, height: 900, withoutWebGl };
    const map = await BundlePage.open(browser, resolve('.'), options);
    const disk = new Disk(blocks);
    const begun = await map.begin(headerOf(blocks));
    const filled = await map.tell(disk.begin());
    const { width, height } = await map.size();
    console.log(
      `canvas of ${width} × ${height}; first paint: empty ${ms(begun.painted)}, with all cells ${ms(begun.painted + filled.painted)}`,
    );
    for (const { name, runs, length } of ROUNDS)
      await measureRound(map, disk, name, ofDisk(blocks, runs), ofDisk(blocks, length));
    await measureMotion(map, disk);
    await measureMemory(browser, map, blocks, withoutWebGl);
  } finally {
    await browser.close();
  }
}

async function measureRound(
  map: BundlePage,
  disk: Disk,
  name: string,
  runs: number,
  length: number,
): Promise<void> {
  const [taken, painted]: [number[], number[]] = [[], []];
  let bytes = 0;
  for (let update = 0; update < UPDATES; update++) {
    const note = disk.dirty(runs, length);
    bytes = bytesOf(note);
    const cost = await map.tell(note);
    taken.push(cost.taken - cost.came);
    painted.push(cost.painted - cost.taken);
  }
  console.log(
    `a round of ${name}: posted ${mib(bytes)}, taken in ${ms(median(taken))}, painted in ${ms(median(painted))}`,
  );
}

async function measureMotion(map: BundlePage, disk: Disk): Promise<void> {
  map.prepare(disk.dirty(1000, 1));
  const figures: string[] = [];
  for (const updates of [false, true]) {
    for (const motion of ['pan', 'zoom'] as const) {
      const rate = await map.framesASecond(motion, MOTION_MS, updates ? NOTE_MS : 0);
      figures.push(`${motion} ${updates ? 'during updates ' : ''}${rate.toFixed(1)}`);
    }
  }
  console.log(`frames a second: ${figures.join(', ')}`);
}

/** Of the page's process and of the one that draws; textures as they are computed. */
async function measureMemory(
  browser: Browser,
  map: BundlePage,
  blocks: number,
  withoutWebGl: boolean,
): Promise<void> {
  const page = await map.page.context().newCDPSession(map.page);
  await page.send('HeapProfiler.collectGarbage');
  const heap = (await page.send('Runtime.getHeapUsage')) as Record<string, number>;
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const resident = (type: string): number =>
    Math.max(...processInfo.filter((each) => each.type === type).map(({ id }) => residentOf(id)));
  // A word of four bytes for each block; a mean of four bytes for four blocks, and for four means …
  const textures = withoutWebGl ? 0 : 4 * blocks + (4 * blocks) / 3;
  console.log(
    `memory: heap ${mib(heap['usedSize'] ?? NaN)}, arrays ${mib(heap['backingStorageSize'] ?? NaN)}, textures ${mib(textures)}; resident: page ${mib(resident('renderer'))}, drawing process ${mib(resident('GPU'))}`,
  );
}

/** A disk whose moments are those of the service. */
class Disk {
  readonly #moment = new Moment(new FileNames(), false);
  readonly #differ: CellDiffer;
  #told: Pages = [];
  #seq = 0;

  constructor(private readonly blocks: number) {
    this.#differ = new CellDiffer(cellsOf(blocks));
    this.#apply(startOf(blocks));
  }

  /** All is allocated, and a quarter is sent. */
  begin(): CellsNote {
    this.#apply({ type: 'allocated', blocks: [0, this.blocks], bytes: 0 });
    const figures = { round: 0, batch: 0, bytes: 0, resentBytes: 0, zeroBytes: 0 };
    this.#apply({ type: 'sent', ...figures, blocks: [0, this.blocks / 4] });
    return this.#note();
  }

  /** Runs all over the disk are dirty, other ones each time. */
  dirty(runs: number, length: number): CellsNote {
    const every = Math.floor(this.blocks / runs);
    const first = (this.#seq * 7919) % Math.max(1, every - length);
    const blocks = Array.from({ length: 2 * runs }, (_, at) =>
      at % 2 === 1 ? length : every - length,
    );
    blocks[0] = first;
    this.#apply({ type: 'dirty', sinceMs: 100, blocks, bytes: 0, flip: this.#seq });
    return this.#note();
  }

  #apply(body: EventBody): void {
    this.#moment.apply({ seq: this.#seq, t: this.#seq * 100, ...body });
    this.#seq++;
  }

  #note(): CellsNote {
    const pages = this.#moment.pages();
    const note = {
      type: 'cells',
      seq: this.#seq,
      ...this.#differ.diff(this.#told, pages),
    } as const;
    this.#told = pages;
    return note;
  }
}

/** A share of the disk, below 1, as a number. */
function ofDisk(blocks: number, share: number): number {
  return share < 1 ? Math.floor(share * blocks) : share;
}

function bytesOf({ runs, dense }: CellsNote): number {
  return dense.reduce((sum, { words }) => sum + words.byteLength, runs.byteLength);
}

function residentOf(process: number): number {
  const status = readFileSync(`/proc/${process}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
