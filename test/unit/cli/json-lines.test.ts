import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { JsonLines } from '../../../src/cli/json-lines.js';

/** A reader that takes nothing until it is told to. */
class SlowReader extends Writable {
  readonly taken: string[] = [];
  #waiting: (() => void) | undefined;
  open = false;

  constructor() {
    super({ highWaterMark: 1, decodeStrings: false });
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.taken.push(chunk);
    if (this.open) done();
    else this.#waiting = done;
  }

  takeAll(): void {
    this.open = true;
    this.#waiting?.();
  }
}

const never = new AbortController().signal;
const big = { text: 'x'.repeat(3 * 1024 * 1024) };
const settled = async (promise: Promise<void>) => {
  const turn = new Promise((resolve) => setImmediate(resolve)).then(() => 'waits');
  return Promise.race([promise.then(() => 'settled'), turn]);
};

describe('lines of JSON', () => {
  it('are one line for each value, in order', async () => {
    const reader = new SlowReader();
    reader.open = true;
    const lines = new JsonLines(reader, () => undefined);
    lines.write({ a: 'x\ny' });
    lines.write([1]);
    await lines.flushed();
    expect(reader.taken).toEqual(['{"a":"x\\ny"}\n', '[1]\n']);
  });

  it('make the writer wait when much waits for the reader, and let it go on', async () => {
    const reader = new SlowReader();
    const lines = new JsonLines(reader, () => undefined);
    lines.write(big);
    expect(await settled(lines.ready(never))).toBe('settled');
    lines.write(big);
    const ready = lines.ready(never);
    expect(await settled(ready)).toBe('waits');
    reader.takeAll();
    await ready;
    await lines.flushed();
    expect(reader.taken).toHaveLength(2);
  });

  it('let go of a writer that is cancelled', async () => {
    const lines = new JsonLines(new SlowReader(), () => undefined);
    const cancel = new AbortController();
    lines.write(big);
    lines.write(big);
    const ready = lines.ready(cancel.signal);
    expect(await settled(ready)).toBe('waits');
    cancel.abort();
    await ready;
  });

  it('let go of every writer when the reader is gone, and tell it once', async () => {
    const reader = new SlowReader();
    const told: Error[] = [];
    const lines = new JsonLines(reader, (error) => told.push(error));
    lines.write(big);
    lines.write(big);
    const waits = [lines.ready(never), lines.flushed()];
    reader.destroy(new Error('write EPIPE'));
    await Promise.all(waits);
    lines.write({ more: true });
    await lines.flushed();
    expect(told.map(({ message }) => message)).toEqual(['write EPIPE']);
  });
});
