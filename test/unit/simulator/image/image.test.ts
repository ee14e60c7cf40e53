/** The image against a plain buffer: whatever is done to both, they read the same. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../../src/base/errors.js';
import type { PayloadPiece } from '../../../../src/nbd/types.js';
import { createImage } from '../../../../src/simulator/image/image.js';
import type { Image } from '../../../../src/simulator/types.js';

const PAGE = 4096;
const [DATA, ZERO, HOLE] = [0, 2, 3];

function flatten(pieces: readonly PayloadPiece[]): Buffer {
  return Buffer.concat(pieces.map((p) => (p.hole ? Buffer.alloc(p.length) : p.data)));
}

function bytes(image: Image, offset = 0, length = image.size): Buffer {
  return flatten(image.read(offset, length));
}

function allocation(image: Image, offset = 0, length = image.size): number[][] {
  const runs: number[][] = [];
  image.allocation(offset, length, (...run) => runs.push(run) > 0);
  return runs;
}

/** Content of one seed, as a guest's disk has it. */
function content(seed: number, pages: number, version: number): Buffer {
  const image = createImage({ size: pages * PAGE, seed });
  image.stamp(0, pages, version);
  return bytes(image);
}

const PAGES = 20;
const SOURCES = [
  content(5, PAGES, 1),
  content(5, PAGES, 2),
  content(6, PAGES, 1),
  Buffer.alloc(PAGES * PAGE),
  Buffer.alloc(PAGES * PAGE, 9),
];

const range = fc
  .tuple(fc.nat(PAGES * PAGE - 1), fc.nat(5 * PAGE), fc.boolean())
  .map(([offset, length, aligned]) => {
    const from = aligned ? offset - (offset % PAGE) : offset;
    const wanted = aligned ? Math.ceil(length / PAGE) * PAGE : length;
    return { offset: from, length: Math.min(wanted, PAGES * PAGE - from) };
  });
const act = fc.record({
  range,
  kind: fc.constantFrom('write', 'stamp', 'zero', 'hole'),
  source: fc.nat(SOURCES.length - 1),
  cut: fc.nat(PAGE * 2),
});

/** Does the same to an image and to a buffer. */
function apply(
  image: Image,
  plain: Buffer,
  { range, kind, source, cut }: typeof act extends fc.Arbitrary<infer T> ? T : never,
): void {
  const { offset, length } = range;
  if (kind === 'write') {
    const data = SOURCES[source]!.subarray(offset, offset + length);
    const at = Math.min(cut, length);
    image.write(offset, [data.subarray(0, at), data.subarray(at)]);
    data.copy(plain, offset);
  } else if (kind === 'stamp') {
    const first = Math.floor(offset / PAGE);
    const count = Math.floor(length / PAGE);
    image.stamp(first, count, 1 + (source % 2));
    SOURCES[source % 2]!.copy(plain, first * PAGE, first * PAGE, (first + count) * PAGE);
  } else {
    image.zero(offset, length, kind === 'hole');
    plain.fill(0, offset, offset + length);
  }
}

describe('an image', () => {
  it('reads as a plain buffer after any acts, with holes only where bytes are zero', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 12 }), range, (acts, { offset, length }) => {
        const image = createImage({ size: PAGES * PAGE, seed: 5 });
        const plain = Buffer.alloc(PAGES * PAGE);
        for (const each of acts) apply(image, plain, each);
        expect(bytes(image).equals(plain)).toBe(true);
        expect(bytes(image, offset, length).equals(plain.subarray(offset, offset + length))).toBe(
          true,
        );
        let at = 0;
        for (const [from, count, flags] of allocation(image)) {
          expect(from).toBe(at);
          at += count!;
          if (flags !== DATA)
            expect(plain.subarray(from, at).every((byte) => byte === 0)).toBe(true);
        }
        expect(at).toBe(PAGES * PAGE);
      }),
      { numRuns: 150 },
    );
  });

  it('finds the first difference of any two images', () => {
    fc.assert(
      fc.property(
        fc.array(act, { maxLength: 8 }),
        fc.array(act, { maxLength: 3 }),
        fc.constantFrom(5, 6, undefined),
        (acts, more, seed) => {
          const [one, other] = [
            createImage({ size: PAGES * PAGE, seed: 5 }),
            createImage({ size: PAGES * PAGE, ...(seed === undefined ? {} : { seed }) }),
          ];
          const plain = Buffer.alloc(PAGES * PAGE);
          const copied = Buffer.alloc(PAGES * PAGE);
          for (const each of acts) apply(one, plain, each);
          other.write(0, [bytes(one)]);
          plain.copy(copied);
          for (const each of more.filter(({ kind }) => kind !== 'stamp'))
            apply(other, copied, each);
          const at = plain.findIndex((byte, index) => byte !== copied[index]);
          expect(one.firstDifference(other)).toBe(at < 0 ? undefined : at);
          expect(other.firstDifference(one)).toBe(at < 0 ? undefined : at);
          const plainly = { ...wrap(other), size: other.size };
          expect(one.firstDifference(plainly)).toBe(at < 0 ? undefined : at);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('keeps what was read as it was', () => {
    const image = createImage({ size: 4 * PAGE, seed: 1 });
    image.stamp(0, 4, 1);
    const before = bytes(image);
    const [piece] = image.read(0, 4 * PAGE);
    image.stamp(0, 4, 2);
    image.write(PAGE, [Buffer.alloc(PAGE, 3)]);
    expect(piece!.hole ? undefined : Buffer.from(piece!.data).equals(before)).toBe(true);
  });

  it('tells a seed, a page and a version in the header of its content', () => {
    const page = content(77, 3, 9).subarray(2 * PAGE);
    expect(page.toString('latin1', 0, 4)).toBe('MSpg');
    expect([page.readUInt32LE(4), page.readUInt32LE(8), page.readUInt32LE(16)]).toEqual([77, 2, 9]);
  });

  it('tells holes, zeroes and data apart, also in part of a page', () => {
    const image = createImage({ size: 8 * PAGE, seed: 1 });
    image.stamp(2, 2, 1);
    image.write(5 * PAGE, [Buffer.alloc(PAGE)]);
    image.zero(6 * PAGE, PAGE, false);
    expect(allocation(image, 100, 8 * PAGE - 200)).toEqual([
      [100, 2 * PAGE - 100, HOLE],
      [2 * PAGE, 2 * PAGE, DATA],
      [4 * PAGE, PAGE, HOLE],
      [5 * PAGE, 2 * PAGE, ZERO],
      [7 * PAGE, PAGE - 100, HOLE],
    ]);
    expect(image.read(100, 3 * PAGE).map((p) => (p.hole ? p.length : -p.data.length))).toEqual([
      2 * PAGE - 100,
      -(PAGE + 100),
    ]);
    image.zero(10, 20, false);
    image.zero(7 * PAGE, 10, true);
    expect(allocation(image)[0]).toEqual([0, PAGE, ZERO]);
    expect(allocation(image).at(-1)).toEqual([7 * PAGE, PAGE, HOLE]);
  });

  it('ends a visit where it is told to', () => {
    const image = createImage({ size: 8 * PAGE, seed: 1 });
    image.stamp(2, 2, 1);
    const seen: number[] = [];
    image.allocation(0, image.size, (offset) => seen.push(offset) < 2);
    expect(seen).toEqual([0, 2 * PAGE]);
  });
});

/** The image as one of another making. */
function wrap(image: Image): Image {
  return {
    size: image.size,
    read: (...range) => image.read(...range),
    write: (...range) => image.write(...range),
    stamp: (...range) => image.stamp(...range),
    zero: (...range) => image.zero(...range),
    allocation: (...range) => image.allocation(...range),
    firstDifference: (other) => image.firstDifference(other),
  };
}

describe('a large image', () => {
  const SIZE = 10 * 1024 ** 4;

  it('takes memory by what differs: a copy in small writes is again one number a chunk', () => {
    const source = createImage({ size: SIZE, seed: 3 });
    source.stamp(0, 1_000_000_000, 1);
    const copy = createImage({ size: SIZE });
    copy.stamp(0, 0, 1);
    for (const start of [0, 4096 * 5, 4096 * 100_000])
      for (let part = 0; part < 4096; part += 16)
        copy.write((start + part) * PAGE, [bytes(source, (start + part) * PAGE, 16 * PAGE)]);
    expect(source.firstDifference(copy)).toBe(4096 * PAGE);
  });

  it('finds one page that differs, scattered writes or not', () => {
    const [one, other] = [
      createImage({ size: SIZE, seed: 3 }),
      createImage({ size: SIZE, seed: 3 }),
    ];
    for (let index = 0; index < 20_000; index++) {
      const page = (index * 7_919_111) % (SIZE / PAGE);
      one.stamp(page, 1, 1 + (index % 5));
      other.stamp(page, 1, 1 + (index % 5));
    }
    expect(one.firstDifference(other)).toBeUndefined();
    other.stamp(2_000_000_000, 1, 9);
    expect(one.firstDifference(other)).toBe(2_000_000_000 * PAGE);
    one.stamp(2_000_000_000, 1, 8);
    expect(one.firstDifference(other)).toBe(2_000_000_000 * PAGE + 16);
  });
});

describe('what an image refuses', () => {
  it.each([0, -PAGE, 100, PAGE + 512, 65 * 1024 ** 4, Number.NaN])('a size of %s', (size) => {
    expect(() => createImage({ size })).toThrow(UsageError);
    expect(() => createImage({ size })).toThrow(/^An image of /);
  });

  it.each([-1, 0.5, 2 ** 32])('a seed of %s', (seed) => {
    expect(() => createImage({ size: PAGE, seed })).toThrow(/^The seed of an image/);
  });

  it('what is not within it, versions out of range, and images of another size', () => {
    const image = createImage({ size: 2 * PAGE });
    expect(() => image.read(PAGE, PAGE + 1)).toThrow(/^Bytes 4096 to 8193 are not within/);
    expect(() => image.write(-1, [Buffer.alloc(1)])).toThrow(UsageError);
    expect(() => image.zero(0.5, 1, true)).toThrow(UsageError);
    expect(() => image.stamp(0, 1, 2 ** 32 - 3)).toThrow(/^The version of a page/);
    expect(() => image.firstDifference(createImage({ size: PAGE }))).toThrow(/^Images of /);
  });
});
