/** A day of a simulated guest, smaller than life: what it keeps is bounded by its memory and its files. */
import { describe, expect, it } from 'vitest';
import { createGuest } from '../../../../src/simulator/guest/guest.js';
import { createImage } from '../../../../src/simulator/image/image.js';
import { createRandom } from '../../../../src/simulator/random.js';
import { MIB, PAGE, rewriting } from './support.js';

const HOUR_MS = 3_600_000;
const LOG_PAGES = 20_000;

describe('a day', () => {
  it('leaves no more in memory than the cache has, and as few extents as at its beginning', () => {
    const size = 1024 ** 4;
    const image = createImage({ size, seed: 1 });
    let version = 1;
    const device = {
      size,
      writePages: (first: number, count: number) => image.stamp(first, count, version),
      discardPages: (first: number, count: number) => image.zero(first * PAGE, count * PAGE, true),
    };
    const random = createRandom(1, 'day');
    let written = 0;
    const workload = rewriting(
      [{ path: '/data/region', pages: 10_000_000 }],
      1000,
      (calls, file, turn) => {
        calls.write(file, random.below(file.pages - 2), 2);
        const log = calls.open('/log/current') ?? calls.create('/log/current');
        if (log.pages >= LOG_PAGES) {
          calls.rename('/log/current', '/log/old');
          return;
        }
        calls.write(log, log.pages, 2);
        if (turn % 60 === 0) calls.sync(log, false);
        written += 4;
      },
    );
    const guest = createGuest({ device, workload, settings: { cacheBytes: 8 * MIB }, seed: 1 });
    let most = 0;
    for (let hour = 1; hour <= 24; hour++) {
      version++;
      guest.advance(hour * HOUR_MS);
      const look = guest.look({ clean: true });
      const cached = look.runs
        .filter((run) => run.class !== 'journal')
        .reduce((sum, { length }) => sum + length, look.delayedBytes);
      most = Math.max(most, cached);
      expect(guest.dirtyBytes).toBeLessThan(MIB);
    }
    expect(most).toBeLessThanOrEqual(8 * MIB);
    expect(most).toBeGreaterThan(7 * MIB);
    const files = [...guest.files()];
    expect(files.map(({ path }) => path)).toEqual(['/data/region', '/log/current', '/log/old']);
    // A terabyte's groups keep their metadata together for each sixteen: a file is in as many runs.
    for (const { extents } of files) expect(extents.length).toBeLessThan(100);
    // What was written, and the journal and metadata for it.
    expect(guest.writtenBytes / PAGE).toBeGreaterThan(written);
    expect(guest.writtenBytes / PAGE).toBeLessThan(1.7 * written);
  });
});
