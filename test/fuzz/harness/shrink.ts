/** Makes an input smaller for as long as the same thing goes wrong with it. */
import type { FuzzInput } from './input.js';
import type { FuzzTarget, Verdict } from './target.js';

/** How often a smaller input is tried. */
const MOST_TRIES = 400;

type Read = (target: FuzzTarget, input: FuzzInput) => Promise<Verdict>;

/** What went wrong, without what differs from input to input. */
function fault(error: unknown): string {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return message.replaceAll(/\d+/g, '0').slice(0, 120);
}

/** Never throws. */
export async function shrink(
  target: FuzzTarget,
  input: FuzzInput,
  error: unknown,
  read: Read,
): Promise<FuzzInput> {
  let smallest = input;
  let tries = 0;
  for (let smaller: FuzzInput | undefined = input; smaller;) {
    smaller = undefined;
    for (const candidate of smallerThan(smallest)) {
      if (++tries > MOST_TRIES) return smallest;
      const wrong = await read(target, candidate).then(() => undefined, fault);
      if (wrong !== fault(error)) continue;
      smaller = smallest = candidate;
      break;
    }
  }
  return smallest;
}

function* smallerThan(input: FuzzInput): Generator<FuzzInput> {
  const { turns, cuts } = input;
  if (cuts.length > 0) yield { ...input, cuts: [] };
  if (input.ending !== 'end') yield { ...input, ending: 'end' };
  for (const index of turns.keys()) yield { ...input, turns: turns.toSpliced(index, 1) };
  for (const [index, turn] of turns.entries()) {
    for (let part = turn.length >> 1; part > 0; part >>= 1) {
      for (let at = 0; at < turn.length; at += part) {
        const rest = Buffer.concat([turn.subarray(0, at), turn.subarray(at + part)]);
        yield { ...input, turns: turns.with(index, rest) };
      }
    }
  }
}
