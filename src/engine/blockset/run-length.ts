/**
 * The run-length form in which block sets travel in JSON (trace, plugins):
 * `[skip, take, skip, take …]` in blocks, from block 0. The empty set is `[]`.
 * The first `skip` may be 0, no other number; the list ends with a `take`.
 */
import { ProtocolError } from '../../base/errors.js';
import type { BlockSet } from './block-set.js';
import { BlockSetBuilder } from './builder.js';

/** What a decoder accepts. */
export interface RunLimits {
  /** How many blocks the disk has; no block at or past it is accepted. */
  readonly blocks: number;
  /** Most numbers in the list; 4,194,304 unless told. */
  readonly maxLength?: number;
}

const DEFAULT_MAX_LENGTH = 4_194_304;

/** The set in run-length form. */
export function encodeRuns(set: BlockSet): number[] {
  const numbers: number[] = [];
  let end = 0;
  set.runs((start, count) => {
    numbers.push(start - end, count);
    end = start + count;
  });
  return numbers;
}

/**
 * The set of which `numbers` is the run-length form; takes anything that JSON can hold.
 * @throws ProtocolError when it is not such a form or passes a limit; the message names the offence.
 */
export function decodeRuns(numbers: unknown, limits: RunLimits): BlockSet {
  const list = checkedList(numbers, limits.maxLength ?? DEFAULT_MAX_LENGTH);
  const builder = new BlockSetBuilder();
  let block = 0;
  for (let index = 0; index < list.length; index++) {
    const length = checkedNumber(list[index], index);
    if (length > limits.blocks - block)
      throw offence(`number ${index} leads past the disk's ${limits.blocks} blocks`);
    if (index % 2 === 1) builder.add(block, length);
    block += length;
  }
  return builder.build();
}

function checkedList(numbers: unknown, maxLength: number): readonly unknown[] {
  if (!Array.isArray(numbers)) throw offence('it is not a list');
  if (numbers.length > maxLength)
    throw offence(`it has ${numbers.length} numbers, and ${maxLength} is the limit`);
  if (numbers.length % 2 !== 0) throw offence('it ends with a skip');
  return numbers;
}

function checkedNumber(value: unknown, index: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw offence(`number ${index} is ${describe(value)}, not an integer from 0 on`);
  if (value === 0 && index > 0)
    throw offence(`number ${index} is 0, which only the first number may be`);
  return value;
}

function offence(what: string): ProtocolError {
  return new ProtocolError(`The run-length form of a block set is wrong: ${what}.`);
}

/** A value fit for a message: what is in an object may be too deep to write. */
function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}
