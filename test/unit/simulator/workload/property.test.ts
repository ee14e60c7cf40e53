import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DescriptionError } from '../../../../src/base/errors.js';
import type { Random } from '../../../../src/simulator/random.js';
import { createRandom } from '../../../../src/simulator/random.js';
import type { WorkloadDescription } from '../../../../src/simulator/workload/description.generated.js';
import {
  builtInWorkloads,
  createWorkload,
  workloadCalled,
} from '../../../../src/simulator/workload/index.js';
import { parseWorkload } from '../../../../src/simulator/workload/parse.js';
import { scatter, zipfRank } from '../../../../src/simulator/workload/place.js';
import { description } from './any-description.js';
import { DISK_BYTES } from './describe.js';
import { record } from './recorder.js';

/** Reads what may be no description; only one kind of error may come of it. */
function parsed(text: string): WorkloadDescription | undefined {
  try {
    return parseWorkload(text, 'any.json');
  } catch (error) {
    if (!(error instanceof DescriptionError)) throw error;
    expect(error.problems.length).toBeGreaterThan(0);
    expect(error.problems.length).toBeLessThanOrEqual(10);
    for (const { line, column, message } of error.problems) {
      expect(line >= 1 && column >= 1).toBe(true);
      expect(message.length).toBeLessThan(1500);
    }
    return undefined;
  }
}

describe('a reader of descriptions', () => {
  it('takes or refuses any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => void parsed(text)),
    );
  });

  it('takes or refuses any description with anything in the place of a part', () => {
    const texts = builtInWorkloads.map((name) => JSON.stringify(workloadCalled(name)));
    const part = /"[^"]*"|[0-9.]+|true|false|[[\]{},:]/g;
    const damaged = fc
      .tuple(fc.constantFrom(...texts), fc.nat(), fc.oneof(fc.json(), fc.string(), fc.constant('')))
      .map(([text, number, other]) => {
        const parts = [...text.matchAll(part)];
        const { index, 0: old } = parts[number % parts.length]!;
        return text.slice(0, index) + other + text.slice(index + old.length);
      });
    fc.assert(
      fc.property(damaged, (text) => {
        const read = parsed(text);
        if (read) record(createWorkload(read, { diskBytes: 2 ** 40 }), 100);
      }),
      { numRuns: 300 },
    );
  });

  it('takes or refuses large and deep texts', () => {
    const texts = [
      '{"a":'.repeat(200_000),
      `{"files":[${'{"name":1},'.repeat(9000)}]}`,
      `{"writers":[${`{"do":[${'{"where":{}},'.repeat(100)}]},`.repeat(90)}]}`,
      `{${Array.from({ length: 9000 }, (_, index) => `"${index}":0`).join()}}`,
      `"${'x'.repeat(2 ** 20 - 2)}"`,
      '/'.repeat(2 ** 20),
      '\n'.repeat(2 ** 20),
      '"\\'.repeat(2 ** 19),
    ];
    for (const text of texts) expect(parsed(text)).toBeUndefined();
  });
});

describe('any workload', () => {
  it('asks for nothing that a guest would refuse, and the same each time', () => {
    fc.assert(
      fc.property(description, fc.integer({ min: 0, max: 9 }), fc.nat(), (any, waitMs, seed) => {
        const read = parseWorkload(JSON.stringify(any), 'any.json');
        const workload = createWorkload(read, { diskBytes: DISK_BYTES });
        const run = () =>
          record(workload, 4000, { seed, wait: ({ call }) => (call === 'sync' ? waitMs : 0) });
        const calls = run();
        const capacity = { one: 1250, many: 153, fresh: 100 };
        for (const { path, first, count } of calls) {
          if (first === undefined) continue;
          const name = /(one|many|fresh)/.exec(path)![1] as keyof typeof capacity;
          // A file that was renamed may be larger than what it replaced is.
          const most = Math.max(capacity[name], name === 'one' ? 0 : 153);
          expect(first >= 0 && count! >= 1 && first + count! <= most).toBe(true);
        }
        expect(run()).toEqual(calls);
      }),
      { numRuns: 60 },
    );
  });
});

describe('places', () => {
  it('scatters ranks without a collision', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), (count) => {
        const places = new Set(Array.from({ length: count }, (_, rank) => scatter(rank, count)));
        expect(places.size).toBe(count);
      }),
    );
  });

  it('scatters exactly, however many there are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 36 }), fc.nat(2 ** 36), (count, any) => {
        const rank = any % count;
        const exact = (BigInt(rank) * 2654435761n) % BigInt(count);
        expect(scatter(rank, count)).toBe(Number(exact));
      }),
    );
  });

  it('draws ranks that are there, at either end of chance', () => {
    const certain = (value: number): Random => ({
      next: () => value,
      below: () => 0,
      uint32: () => 0,
    });
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 5, noNaN: true }),
        fc.integer({ min: 1, max: 2 ** 36 }),
        fc.constantFrom(0, 0.5, 1 - 2 ** -53),
        (exponent, count, value) => {
          const rank = zipfRank(certain(value), exponent, count);
          expect(Number.isInteger(rank) && rank >= 0 && rank < count).toBe(true);
        },
      ),
    );
  });
});

describe('chance', () => {
  it('is the same for the same seed and stream, and another for another', () => {
    const draw = (seed: number, stream: string) => {
      const random = createRandom(seed, stream);
      return Array.from({ length: 8 }, () => random.uint32());
    };
    expect(draw(1, 'a')).toEqual(draw(1, 'a'));
    expect(draw(1, 'a')).not.toEqual(draw(1, 'b'));
    expect(draw(1, 'a')).not.toEqual(draw(2, 'a'));
    expect(draw(1, 'a')).not.toEqual(draw(1 + 2 ** 32, 'a'));
  });

  it('is even', () => {
    const random = createRandom(1, 'even');
    const counts = new Array<number>(16).fill(0);
    for (let index = 0; index < 160_000; index++) counts[random.below(16)]!++;
    const chi = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chi).toBeLessThan(45);
    const next = Array.from({ length: 1000 }, () => random.next());
    expect(next.every((value) => value >= 0 && value < 1)).toBe(true);
  });
});
