/** Connections in memory: by reference, in order, with back-pressure, and ends as of sockets. */
import fc from 'fast-check';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createPipe, SimulatedNetwork } from '../../../../src/simulator/network/index.js';
import { SimulatedClock } from '../../../../src/simulator/clock.js';
import { settle } from '../support/probe-lab.js';

/** What happens at an end, in order. */
function watch(end: Duplex): string[] {
  const seen: string[] = [];
  end.on('data', (chunk: Buffer) => seen.push(chunk.toString('latin1')));
  end.on('end', () => seen.push('end'));
  end.on('error', (error: NodeJS.ErrnoException) => seen.push(`error ${error.code}`));
  end.on('close', () => seen.push('close'));
  return seen;
}

/** Writes without heed of back-pressure; counts what was accepted. */
function write(end: Duplex, chunk: Buffer, times: number): { accepted: number } {
  const told = { accepted: 0 };
  for (let count = 0; count < times; count++)
    end.write(chunk, (error) => (told.accepted += error ? 0 : 1));
  return told;
}

describe('a connection without a network', () => {
  it('hands chunks over as they are, and not within the write', async () => {
    const [one, other] = createPipe();
    const got: Buffer[] = [];
    other.on('data', (chunk: Buffer) => got.push(chunk));
    const sent = [Buffer.alloc(1_000_000, 1), Buffer.alloc(3, 2), Buffer.alloc(100_000, 3)];
    for (const chunk of sent) one.write(chunk);
    expect(got).toEqual([]);
    await settle();
    expect(got.map(({ buffer, byteOffset, length }) => [buffer, byteOffset, length])).toEqual(
      sent.map(({ buffer, byteOffset, length }) => [buffer, byteOffset, length]),
    );
  });

  it('goes both ways, in order, whatever is written', async () => {
    const chunks = fc.array(fc.string({ minLength: 1, maxLength: 200 }), { maxLength: 30 });
    const property = fc.asyncProperty(chunks, chunks, async (forth, back) => {
      const [one, other] = createPipe();
      const [seenByOne, seenByOther] = [watch(one), watch(other)];
      for (const chunk of forth) one.write(chunk, 'latin1');
      for (const chunk of back) other.write(chunk, 'latin1');
      await settle();
      expect(seenByOther.join('')).toBe(forth.join(''));
      expect(seenByOne.join('')).toBe(back.join(''));
      one.end();
      await settle();
      expect(seenByOther.slice(-2)).toEqual(['end', 'close']);
      expect(seenByOne.slice(-2)).toEqual(['end', 'close']);
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it('has a writer wait whose reader does not read', async () => {
    const [one, other] = createPipe();
    const told = write(one, Buffer.alloc(1 << 20), 20);
    await settle();
    expect(told.accepted).toBeGreaterThanOrEqual(1);
    expect(told.accepted).toBeLessThan(8);
    expect(other.readableLength).toBe(1 << 20);
    expect(one.writableNeedDrain).toBe(true);
    let bytes = 0;
    other.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await settle();
    await settle();
    expect(told.accepted).toBe(20);
    expect(bytes).toBe(20 << 20);
  });

  it('stays half open where that is asked for', async () => {
    const [one, other] = createPipe({ allowHalfOpen: true });
    const seen = watch(one);
    other.resume();
    one.end('question');
    await settle();
    other.end('answer');
    await settle();
    expect(seen).toEqual(['answer', 'end', 'close']);
  });
});

describe('an end that is destroyed', () => {
  it('is the end of the other one, after what was sent before', async () => {
    const [one, other] = createPipe();
    const seen = watch(other);
    one.write('last words');
    await settle();
    one.destroy();
    await settle();
    expect(seen).toEqual(['last words', 'end', 'close']);
  });

  it('with an error tells its own side alone of it', async () => {
    const [one, other] = createPipe();
    const [seenByOne, seenByOther] = [watch(one), watch(other)];
    one.destroy(Object.assign(new Error('own'), { code: 'OWN' }));
    await settle();
    expect(seenByOne).toEqual(['error OWN', 'close']);
    expect(seenByOther).toEqual(['end', 'close']);
  });

  it('breaks the other one that has sent what nobody read', async () => {
    const [one, other] = createPipe();
    const seen = watch(other);
    const told = write(other, Buffer.alloc(1 << 20), 8);
    await settle();
    one.destroy();
    await settle();
    expect(seen.at(-2)).toBe('error ECONNRESET');
    expect(seen.at(-1)).toBe('close');
    expect(told.accepted).toBeLessThan(8);
  });

  it('breaks the other one that sends to it', async () => {
    const [one, other] = createPipe({ allowHalfOpen: true });
    const seen = watch(other);
    one.destroy();
    await settle();
    expect(seen).toEqual(['end']);
    other.write('hello?');
    await settle();
    expect(seen).toEqual(['end', 'error ECONNRESET', 'close']);
  });

  it('breaks the other one even where it does not read', async () => {
    const [one, other] = createPipe();
    const errors: unknown[] = [];
    other.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code));
    write(one, Buffer.alloc(1 << 20), 4);
    write(other, Buffer.alloc(1 << 20), 8);
    await settle();
    one.destroy();
    await settle();
    expect(errors).toEqual(['ECONNRESET']);
    expect(other.closed).toBe(true);
  });

  it('is noticed by one that does not read, where nothing is left to read', async () => {
    const [one, other] = createPipe();
    one.destroy();
    await settle();
    expect(other.closed).toBe(true);
  });

  it('leaves nothing that waits', async () => {
    const clock = new SimulatedClock();
    const network = new SimulatedNetwork(clock, { bytesPerSecond: 1000, delayMs: 10 });
    const [one, other] = createPipe({ network });
    watch(one);
    watch(other);
    write(one, Buffer.alloc(1000), 10);
    await clock.sleep(1500);
    one.destroy();
    other.destroy();
    await settle();
    await clock.sleep(100);
    expect(clock.waiting).toBe(0);
    expect(network.connections).toBe(0);
  });
});
