/** What a reader is given in one go of fuzzing, whatever the reader: bytes in turns, how they are cut, how they end. */

/** How the peer leaves: it ends its side, the connection breaks, or nothing more is heard of it. */
export type Ending = 'end' | 'error' | 'silence';

export interface FuzzInput {
  /** What the peer says; between two turns the reader has time to answer. */
  readonly turns: readonly Buffer[];
  /**
   * Lengths of the chunks in which it arrives, over and over; after a negative one everything runs
   * that can run. Without any, each turn arrives whole.
   */
  readonly cuts: readonly number[];
  readonly ending: Ending;
}

/** How many bytes there are in all. */
export function lengthOf({ turns }: FuzzInput): number {
  return turns.reduce((sum, turn) => sum + turn.length, 0);
}

/** All bytes in one piece. */
export function wholeOf({ turns }: FuzzInput): Buffer {
  return Buffer.concat(turns);
}

/** The chunks of each turn, and whether everything may run after them. */
export function* chunksOf(
  turn: Buffer,
  cuts: readonly number[],
): Generator<readonly [chunk: Buffer, pause: boolean]> {
  if (cuts.length === 0) {
    if (turn.length > 0) yield [turn, false];
    return;
  }
  for (let at = 0, index = 0; at < turn.length; index++) {
    const cut = cuts[index % cuts.length]!;
    const end = at + Math.max(1, Math.abs(cut));
    yield [turn.subarray(at, end), cut < 0];
    at = end;
  }
}

/** An input as a word that can be given to `npm run fuzz -- --replay`. */
export function encodeInput({ turns, cuts, ending }: FuzzInput): string {
  const plain = { turns: turns.map((turn) => turn.toString('base64')), cuts, ending };
  return Buffer.from(JSON.stringify(plain)).toString('base64');
}

/** @throws SyntaxError when the word is none of {@link encodeInput}. */
export function decodeInput(word: string): FuzzInput {
  const plain = JSON.parse(Buffer.from(word, 'base64').toString()) as {
    turns: string[];
    cuts: number[];
    ending: Ending;
  };
  return { ...plain, turns: plain.turns.map((turn) => Buffer.from(turn, 'base64')) };
}
