/** Moving and comparing blocks between two connections. */
import { describe, expect, it } from 'vitest';
import { DestinationError, NbdCommandError } from '../../../src/base/errors.js';
import { BlockSet, BlockSetBuilder } from '../../../src/engine/blockset/index.js';
import { Throttle } from '../../../src/engine/throttle.js';
import { notZeroes, Transfer, type SentRequest } from '../../../src/engine/transfer.js';
import type { ExportInfo, Payload } from '../../../src/nbd/types.js';
import { Faults } from '../support/faults.js';
import { Link, MemoryConnection } from '../support/memory-nbd.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';

const INFO: Omit<ExportInfo, 'size'> = {
  readOnly: false,
  canFlush: true,
  canFua: true,
  canTrim: true,
  canWriteZeroes: true,
  canFastZero: false,
  canDontFragment: false,
  canMultiConn: true,
  minimumBlock: 1,
  preferredBlock: 4096,
  maximumPayload: 32 * 1024 * 1024,
  structuredReplies: true,
  metaContexts: ['base:allocation'],
};

const never = new AbortController().signal;

function bench(size: number, granularity: number, info: Partial<ExportInfo> = {}, cap?: number) {
  const clock = new SimulatedClock();
  const faults = new Faults();
  const link = new Link(clock, 1024 * 1024, 1);
  const source = Buffer.alloc(size);
  const destination = Buffer.alloc(size, 0x77);
  for (let at = 0; at < size; at++) if (at % 8192 < 5000) source[at] = 1 + (at % 251);
  const connect = (side: 'source' | 'destination', data: Buffer, more: Partial<ExportInfo>) =>
    new MemoryConnection(
      {
        side,
        info: { ...INFO, size, ...more },
        holeBytes: 512,
        data: () => data,
        isHole: (offset) => data.subarray(offset, offset + 512).every((byte) => byte === 0),
      },
      link,
      clock,
      faults,
    );
  const ends = {
    source: connect('source', source, { readOnly: true }),
    destination: connect('destination', destination, info),
    destinationName: 'file:new.img',
  };
  const geometry = { granularity, size };
  const transfer = new Transfer(ends, geometry, {
    send: new Throttle(clock, cap),
    readBack: new Throttle(clock, cap),
  });
  return { clock, faults, source, destination, ends, geometry, transfer };
}

const ignore = () => undefined;

/** What was thrown at the connection, under the name of the destination where it has one. */
const rootOf = (error: unknown) => (error instanceof DestinationError ? error.cause : error);

describe('sending', () => {
  it.each([
    [4096, {}],
    [512, { canWriteZeroes: false }],
    [16_384, { maximumPayload: 16_384 }],
    [1 << 20, {}],
  ])('blocks of %i bytes sends exactly what is asked for (%o)', async (granularity, info) => {
    const { source, destination, transfer, geometry } = bench(100_000, granularity, info);
    const count = Math.ceil(100_000 / granularity);
    const blocks = BlockSet.of(...[0, 1, 2, 5, 7, count - 1].filter((block) => block < count));
    const confirmed: SentRequest[] = [];
    await transfer.send(blocks, (request) => confirmed.push(request), never);
    const expected = Buffer.alloc(100_000, 0x77);
    blocks.extents(geometry, (offset, length) =>
      source.copy(expected, offset, offset, offset + length),
    );
    expect(destination.equals(expected)).toBe(true);
    const told = BlockSet.unionOf(confirmed.map(({ start, count: n }) => BlockSet.range(start, n)));
    expect(told.equals(blocks)).toBe(true);
  });

  it('tells how much of it were zeroes', async () => {
    const { transfer } = bench(65_536, 512);
    let zeroes = 0;
    await transfer.send(BlockSet.range(0, 128), ({ zeroBytes }) => (zeroes += zeroBytes), never);
    expect(zeroes).toBe(8 * 6 * 512);
  });

  it('confirms nothing that failed, ends the rest, and gives every payload back', async () => {
    const { transfer, faults, ends } = bench(4 * 1024 * 1024, 65_536);
    const error = new NbdCommandError('The server failed WRITE at 0.', 28);
    faults.add({ at: 'destination.write', call: 3, does: error });
    let confirmed = 0;
    const sending = transfer.send(
      BlockSet.range(0, 64),
      ({ count }) => (confirmed += count),
      never,
    );
    expect(await sending.catch(rootOf)).toBe(error);
    expect(confirmed).toBeLessThan(64);
    expect([ends.source.outstanding, ends.destination.outstanding]).toEqual([0, 0]);
    expect(faults.calls.get('source.read')).toBeLessThan(64);
  });

  it.each([
    [4096, 1, 8],
    [4096, 2, 16],
    [1024 * 1024, 1, 4],
    [8 * 1024 * 1024, 1, 1],
  ])(
    'every block of %i bytes, %i apart, keeps %i requests in flight',
    async (granularity, apart, most) => {
      const { clock, ends, faults } = bench(0, granularity);
      const size = 200 * 1024 * 1024;
      let [inFlight, highest] = [0, 0];
      const read = async (_: number, length: number): Promise<Payload> => {
        highest = Math.max(highest, ++inFlight);
        await clock.sleep(5);
        inFlight--;
        return { length, pieces: [{ hole: true, length }], release: ignore };
      };
      const source = ends.source;
      source.read = read;
      const destination = ends.destination;
      destination.writeZeroes = () => Promise.resolve();
      const transfer = new Transfer(
        { source, destination, destinationName: 'd' },
        { granularity, size },
        { send: new Throttle(clock, undefined), readBack: new Throttle(clock, undefined) },
      );
      const builder = new BlockSetBuilder();
      const blocks = Math.min(8192, Math.ceil(size / granularity));
      for (let block = 0; block < blocks; block += apart) builder.add(block, 1);
      await transfer.send(builder.build(), ignore, never);
      expect(highest).toBe(most);
      expect(faults.calls.size).toBe(0);
    },
  );

  it('has no more listeners than Node takes for a leak', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => warnings.push(warning);
    process.on('warning', listen);
    const { transfer } = bench(4 * 1024 * 1024, 262_144, {}, 10_000_000);
    await transfer.send(BlockSet.range(0, 16), ignore, new AbortController().signal);
    await new Promise(setImmediate);
    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });

  it('goes no faster than the cap', async () => {
    const { transfer, clock } = bench(1024 * 1024, 4096, {}, 100_000);
    await transfer.send(BlockSet.range(0, 256), ignore, never);
    expect(clock.now()).toBeGreaterThan(((1024 - 512) * 1024 * 1000) / 100_000 - 100);
  });

  it('is left by who cancels, with nothing in flight', async () => {
    const { transfer, clock, ends } = bench(1024 * 1024, 4096);
    const cancel = new AbortController();
    void clock.sleep(300).then(() => cancel.abort());
    await expect(transfer.send(BlockSet.range(0, 256), ignore, cancel.signal)).rejects.toThrow();
    expect(ends.source.outstanding).toBe(0);
    expect(clock.now()).toBeLessThan(800);
  });

  it('of nothing does nothing', async () => {
    const { transfer, faults } = bench(0, 4096);
    await transfer.send(BlockSet.empty, ignore, never);
    await transfer.zero(BlockSet.empty, never);
    expect((await transfer.compare(BlockSet.empty, ignore, never)).isEmpty).toBe(true);
    expect(faults.calls.size).toBe(0);
  });
});

describe('zeroing', () => {
  it.each([
    [{}, 1],
    [{ metaContexts: [] }, 1],
    [{ canWriteZeroes: false }, 0],
  ])('writes zeroes over the blocks and nothing else (%o)', async (info, requests) => {
    const { transfer, destination, faults } = bench(50_000, 4096, info);
    await transfer.zero(BlockSet.range(3, 10), never);
    expect(destination.subarray(3 * 4096).every((byte) => byte === 0)).toBe(true);
    expect(destination.subarray(0, 3 * 4096).every((byte) => byte === 0x77)).toBe(true);
    expect(faults.calls.get('destination.writeZeroes') ?? 0).toBe(requests);
  });

  it('leaves alone what the destination knows to be zeroes', async () => {
    const { transfer, destination, faults } = bench(65_536, 4096);
    destination.fill(0, 0, 8 * 4096);
    await transfer.zero(BlockSet.range(0, 8), never);
    expect(faults.calls.has('destination.writeZeroes')).toBe(false);
  });
});

describe('comparing', () => {
  it('names the blocks that differ, and gives every payload back', async () => {
    const { transfer, source, destination, ends } = bench(100_000, 4096);
    source.copy(destination);
    destination[4096 * 7]! ^= 1;
    destination[99_999]! ^= 1;
    let checked = 0;
    const differing = await transfer.compare(BlockSet.range(0, 25), (n) => (checked += n), never);
    expect(differing.toArray()).toEqual([7, 24]);
    expect(checked).toBe(100_000);
    expect([ends.source.outstanding, ends.destination.outstanding]).toEqual([0, 0]);
  });

  it.each(['source.read', 'destination.read'] as const)('fails as %s does', async (at) => {
    const { transfer, faults, ends } = bench(100_000, 4096);
    const error = new NbdCommandError('The server failed READ at 0.', 5);
    faults.add({ at, does: error });
    const comparing = transfer.compare(BlockSet.range(0, 25), ignore, never);
    expect(await comparing.catch(rootOf)).toBe(error);
    expect([ends.source.outstanding, ends.destination.outstanding]).toEqual([0, 0]);
  });
});

describe('what is not zeroes', () => {
  it('is every block with a byte that is not known to be zero', async () => {
    const { ends, geometry } = bench(65_536, 4096);
    const blocks = await notZeroes(ends.source, geometry, never);
    expect(blocks.toArray()).toEqual(Array.from({ length: 16 }, (_, block) => block));
    const fine = await notZeroes(ends.source, { ...geometry, granularity: 512 }, never);
    expect(fine.count).toBe(8 * 10);
  });

  it('is everything where the server says nothing', async () => {
    const { ends, geometry } = bench(65_536, 4096, { metaContexts: [] });
    ends.destination.writeZeroes(0, 65_536).catch(ignore);
    expect((await notZeroes(ends.destination, geometry, never)).count).toBe(16);
  });

  it('is nothing on a disk without bytes', async () => {
    const { ends, geometry, faults } = bench(0, 4096);
    expect((await notZeroes(ends.source, geometry, never)).isEmpty).toBe(true);
    expect(faults.calls.size).toBe(0);
  });
});
