/** Counts the bytes that are copied: work that grows with the square of an input shows without a clock. */

/** Bytes that may be copied for each byte of an input, and beside. */
const FACTOR = 64;
const BASE = 512 * 1024;

let copied = 0;
let counting = false;

/** From now on all copying by Buffer's own means counts. Once in a process. */
export function countCopies(): void {
  if (counting) return;
  counting = true;
  const concat = Buffer.concat.bind(Buffer);
  Buffer.concat = (list, length) => {
    const bytes = length === undefined ? concat(list) : concat(list, length);
    copied += bytes.length;
    return bytes;
  };
  const copy = Reflect.get(Buffer.prototype, 'copy') as Buffer['copy'];
  const counted = function (this: Buffer, ...rest: Parameters<Buffer['copy']>) {
    const bytes = copy.apply(this, rest);
    copied += bytes;
    return bytes;
  };
  Reflect.set(Buffer.prototype, 'copy', counted);
}

/** Bytes copied since it was last asked. */
export function takeCopied(): number {
  const bytes = copied;
  copied = 0;
  return bytes;
}

/** The most bytes that a reader may copy for an input of so many. */
export function mostCopied(inputBytes: number): number {
  return FACTOR * inputBytes + BASE;
}
