/** Makes inputs of recorded exchanges: some of what a peer said is changed, dropped, said twice or in another order. */
import fc from 'fast-check';
import type { Random } from '../../unit/support/random.js';
import type { Ending, FuzzInput } from '../harness/input.js';
import { mutateBytes } from './bytes.js';
import { mutateJson } from './json.js';

/** How often an exchange is left as it was recorded. */
const UNTOUCHED = 0.03;

/** How the bytes of an input arrive, and how they end. */
export function arrival(random: Random): Pick<FuzzInput, 'cuts' | 'ending'> {
  const ending: Ending = random.pick('end', 'end', 'error', 'silence');
  return { cuts: cutsOf(random), ending };
}

function cutsOf(random: Random): number[] {
  const kind = random.next();
  if (kind < 0.5) return [];
  if (kind < 0.53) return [1];
  const longest = kind < 0.75 ? 2000 : 40;
  const cut = () => (1 + random.below(longest)) * (random.chance(longest / 2500) ? -1 : 1);
  return Array.from({ length: 1 + random.below(6) }, cut);
}

/** What each turn is changed by: lines of JSON as such at times, anything as bytes. */
export interface TurnOptions {
  /** Whether a peer says lines of JSON. */
  readonly lines: boolean;
}

/** Changes one or two turns of an exchange, or their order. */
export function mutateTurns(
  turns: readonly Buffer[],
  random: Random,
  { lines }: TurnOptions,
): Buffer[] {
  const changed = [...turns];
  if (changed.length === 0 || random.chance(UNTOUCHED)) return changed;
  for (let left = 1 + random.below(2); left > 0; left--) {
    const index = random.below(changed.length);
    const said = changed[index]!;
    const other = changed[random.below(changed.length)]!;
    if (random.chance(0.08)) disorder(changed, index, random);
    else if (lines && random.chance(0.6)) changed[index] = mutateOneLine(said, random);
    else changed[index] = mutateBytes(said, random, other);
  }
  return changed;
}

function disorder(turns: Buffer[], index: number, random: Random): void {
  const [said] = turns.splice(index, 1);
  const copies = random.pick(0, 1, 1, 2, 3);
  for (let left = copies; left > 0; left--) turns.splice(random.below(turns.length + 1), 0, said!);
  if (turns.length === 0) turns.push(said!);
}

function mutateOneLine(said: Buffer, random: Random): Buffer {
  const lines = linesIn(said);
  if (lines.length === 0) return said;
  const index = random.below(lines.length);
  lines[index] = mutateJson(lines[index]!, random);
  return Buffer.concat(lines);
}

/** The lines of a text, with their ends. */
export function linesIn(text: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf(0x0a, start);
    const end = newline < 0 ? text.length : newline + 1;
    lines.push(text.subarray(start, end));
    start = end;
  }
  return lines;
}

/** A value of a fast-check arbitrary, by our chance. */
export function arbitrary<T>(values: fc.Arbitrary<T>, random: Random): T {
  const seed = random.below(2 ** 31);
  return fc.sample(values, { numRuns: 1, seed })[0]!;
}

/** A line of JSON. */
export const asLine = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\n`);
