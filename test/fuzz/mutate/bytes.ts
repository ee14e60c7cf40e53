/** Changes bytes without knowing what they mean. */
import type { Random } from '../../unit/support/random.js';
import { BAD_UTF8, INTEGERS_32, NUMBERS } from './values.js';

type Change = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

/** Bytes of the longest run that is put in, and how seldom that is. */
const LONG_RUN = 80_000;
const LONG_CHANCE = 0.01;

const join = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

/** A range within `length`, mostly a short one. */
function range(length: number, random: Random): [start: number, end: number] {
  const start = random.below(length + 1);
  const most = random.chance(0.8) ? 16 : length;
  return [start, Math.min(length, start + random.below(most + 1))];
}

function putIn(bytes: Buffer, at: number, added: Uint8Array): Buffer {
  return join(bytes.subarray(0, at), added, bytes.subarray(at));
}

const CHANGES: readonly [Change, ...Change[]] = [
  function flipBit(bytes, random) {
    if (bytes.length === 0) return bytes;
    const changed = Buffer.from(bytes);
    const at = random.below(changed.length);
    changed[at] = changed[at]! ^ (1 << random.below(8));
    return changed;
  },
  function setByte(bytes, random) {
    if (bytes.length === 0) return bytes;
    const changed = Buffer.from(bytes);
    changed[random.below(changed.length)] = random.pick(
      0,
      0x0a,
      0x0d,
      0x22,
      0x5b,
      0x7b,
      0x80,
      0xff,
    );
    return changed;
  },
  function putInNoise(bytes, random) {
    const noise = Buffer.from(
      Array.from({ length: 1 + random.below(12) }, () => random.below(256)),
    );
    return putIn(bytes, random.below(bytes.length + 1), noise);
  },
  function putInRun(bytes, random) {
    const length = random.chance(LONG_CHANCE) ? random.below(LONG_RUN) : random.below(300);
    const run = Buffer.alloc(length, random.pick(0, 0x20, 0x30, 0x5b, 0x7b, 0x0a, 0xff));
    return putIn(bytes, random.below(bytes.length + 1), run);
  },
  function remove(bytes, random) {
    const [start, end] = range(bytes.length, random);
    return join(bytes.subarray(0, start), bytes.subarray(end));
  },
  function repeat(bytes, random) {
    const [start, end] = range(bytes.length, random);
    return putIn(bytes, random.below(bytes.length + 1), bytes.subarray(start, end));
  },
  function cutOff(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
  function spliceOther(bytes, random, other) {
    const [start, end] = range(other.length, random);
    return putIn(bytes, random.below(bytes.length + 1), other.subarray(start, end));
  },
  function goOnAsOther(bytes, random, other) {
    const head = bytes.subarray(0, random.below(bytes.length + 1));
    return join(head, other.subarray(random.below(other.length + 1)));
  },
  function setInteger(bytes, random) {
    const width = random.pick(2, 4, 4, 8);
    if (bytes.length < width) return bytes;
    const changed = Buffer.from(bytes);
    const at = random.below((bytes.length - width) / 2 + 1) * 2;
    const value = random.pick(...INTEGERS_32);
    if (width === 2) changed.writeUInt16BE(value % 0x10000, Math.min(at, bytes.length - 2));
    else changed.writeUInt32BE(value, Math.min(at, bytes.length - 4));
    if (width === 8 && at + 8 <= bytes.length)
      changed.writeUInt32BE(random.pick(0, 1, 0x1fffff, 0x200000, 0xffffffff), at);
    return changed;
  },
  function setNumber(bytes, random) {
    const text = bytes.toString('latin1');
    const from = random.below(text.length + 1);
    const match = /\d+/.exec(text.slice(from));
    if (!match) return bytes;
    const start = from + match.index;
    const number = Buffer.from(random.pick(...NUMBERS));
    return join(bytes.subarray(0, start), number, bytes.subarray(start + match[0].length));
  },
  function breakUtf8(bytes, random) {
    return putIn(bytes, random.below(bytes.length + 1), random.pick(...BAD_UTF8));
  },
];

/** One to four changes; `other` is what parts are taken from. */
export function mutateBytes(bytes: Buffer, random: Random, other: Buffer): Buffer {
  let changed = bytes;
  for (let left = 1 + random.below(4); left > 0; left--) {
    changed = random.pick(...CHANGES)(changed, random, other);
  }
  return changed;
}
