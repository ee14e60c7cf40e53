/** Gives a target many inputs, counts what it makes of them, and stops at the first violation. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Random } from '../../unit/support/random.js';
import { lengthOf, type FuzzInput } from './input.js';
import { turn } from './session.js';
import { shrink } from './shrink.js';
import { Violation, type FuzzTarget, type Verdict } from './target.js';
import { countCopies, mostCopied, takeCopied } from './work.js';

/** Inputs after which a target's memory is looked at as what it needs anyway. */
const WARM_UP = 500;
/** Inputs between two looks at the memory. */
const LOOK = 2000;
/** What may be held after all inputs that was not held after the first ones, in bytes. */
const MOST_GROWTH = 24 * 2 ** 20;

export interface Failure {
  readonly number: number;
  readonly error: unknown;
  /** As small as it could be made. */
  readonly input: FuzzInput;
}

export interface Outcome {
  readonly target: FuzzTarget;
  readonly inputs: number;
  readonly bytes: number;
  readonly verdicts: ReadonlyMap<Verdict, number>;
  readonly milliseconds: number;
  /** The most memory that was in use at any look beyond that of the beginning, in bytes. */
  readonly peak: number;
  /** What is held at the end, after garbage was collected, beyond that of the beginning. */
  readonly growth: number;
  readonly failure?: Failure;
}

export interface CampaignOptions {
  readonly inputs: number;
  readonly seed: number;
  /** Number of the first input. */
  readonly first?: number;
  /** Is told the number of each input before it is read. */
  readonly onInput?: (number: number) => void;
}

/** The input of a target that has this number; always the same for a seed. */
export function inputOf(target: FuzzTarget, seed: number, number: number): FuzzInput {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(number + 1, 0xc2b2ae35);
  for (const letter of target.name) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  return target.make(new Random(hash));
}

/** Errors that nobody waited for, since it was last asked. */
const unheard: unknown[] = [];
process.on('unhandledRejection', (error) => unheard.push(error));

/**
 * Has a target read one input.
 * @throws whatever shows that it did what it must not.
 */
export async function readInput(target: FuzzTarget, input: FuzzInput): Promise<Verdict> {
  countCopies();
  unheard.length = 0;
  takeCopied();
  const reading = target.read(input);
  const verdict = typeof reading === 'string' ? reading : await reading;
  const bytes = lengthOf(input);
  const copied = takeCopied();
  if (copied > mostCopied(bytes))
    throw new Violation(`${copied} bytes were copied for an input of ${bytes} bytes.`);
  if (unheard.length > 0)
    throw new Violation(`A rejection that nobody hears: ${String(unheard[0])}`, {
      cause: unheard[0],
    });
  return verdict;
}

/** Runs a target; never throws. */
export async function campaign(target: FuzzTarget, options: CampaignOptions): Promise<Outcome> {
  const { inputs, seed, first = 0, onInput } = options;
  const verdicts = new Map<Verdict, number>();
  const memory = new MemoryWatch();
  const start = performance.now();
  let bytes = 0;
  let done = 0;
  let failure: Failure | undefined;
  for (; done < inputs && !failure; done++) {
    const number = first + done;
    onInput?.(number);
    const input = inputOf(target, seed, number);
    bytes += lengthOf(input);
    try {
      const verdict = await readInput(target, input);
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    } catch (error) {
      failure = { number, error, input: await shrink(target, input, error, readInput) };
    }
    memory.look(done);
  }
  const milliseconds = performance.now() - start;
  const growth = await memory.growth();
  if (!failure && growth > MOST_GROWTH) {
    const error = new Violation(`${growth} bytes more are held at the end than at the beginning.`);
    failure = { number: done - 1, error, input: { turns: [], cuts: [], ending: 'end' } };
  }
  const { peak } = memory;
  const outcome = { target, inputs: done, bytes, verdicts, milliseconds, peak, growth };
  return failure ? { ...outcome, failure } : outcome;
}

/** Memory beyond what a target needs anyway. */
class MemoryWatch {
  #base: number | undefined;
  #most = 0;

  look(done: number): void {
    if (done === WARM_UP) {
      collectGarbage();
      this.#base = inUse();
    }
    if (done % LOOK === 0) this.#most = Math.max(this.#most, inUse());
  }

  get peak(): number {
    return Math.max(0, this.#most - (this.#base ?? this.#most));
  }

  /** What buffers held is given back only after the collection, by and by. */
  async growth(): Promise<number> {
    let least = Infinity;
    for (let look = 0; this.#base !== undefined && look < 5; look++) {
      collectGarbage();
      await turn();
      least = Math.min(least, Math.max(0, inUse() - this.#base));
    }
    return Number.isFinite(least) ? least : 0;
  }
}

function inUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
