import { describe, expect, it } from 'vitest';
import { BASE_ALLOCATION } from '../../../src/nbd/index.js';
import { pattern } from '../nbd/support/bytes.js';
import { PAGE } from './support/memory-storage.js';
import { DIRTY, MIB, request, serve } from './support/raw-client.js';

const STATUS = 7;
const REQ_ONE = 8;
const EIO = 5;

/** `[length, flags]` of each extent in a chunk, and the id of its context. */
function extentsOf({ data }: { readonly data: Buffer }): [id: number, extents: number[][]] {
  const extents: number[][] = [];
  for (let at = 4; at < data.length; at += 8)
    extents.push([data.readUInt32BE(at), data.readUInt32BE(at + 4)]);
  return [data.readUInt32BE(0), extents];
}

describe('BLOCK_STATUS', () => {
  it('tells each context that was set, joined and cut to the request', async () => {
    const { connect, storage } = serve();
    storage.put(2 * PAGE, pattern(0, 3 * PAGE));
    const client = await connect().go('disk', [DIRTY, BASE_ALLOCATION]);
    client.send(request({ type: STATUS, offset: 100, length: 6 * PAGE }));
    const first = await client.reply();
    const second = await client.reply();
    expect([first.done, second.done]).toEqual([false, true]);
    expect(extentsOf(first)).toEqual([
      0,
      [
        [2 * PAGE - 100, 3],
        [3 * PAGE, 0],
        [PAGE + 100, 3],
      ],
    ]);
    expect(extentsOf(second)).toEqual([
      1,
      [
        [2 * PAGE - 100, 0],
        [3 * PAGE, 1],
        [PAGE + 100, 0],
      ],
    ]);
  });

  it('tells one extent, no longer than asked for, where one is wanted', async () => {
    const { connect, storage } = serve();
    storage.put(0, pattern(0, 3 * PAGE));
    const client = await connect().go('disk', [DIRTY]);
    for (const [length, told] of [
      [512, 512],
      [MIB, 3 * PAGE],
    ] as const) {
      client.send(request({ type: STATUS, flags: REQ_ONE, length }));
      expect(extentsOf(await client.reply())).toEqual([1, [[told, 1]]]);
    }
  });

  it('tells no more extents than a payload holds, nor than 65,536', async () => {
    for (const [maximumPayload, most] of [
      [4096, 512],
      [32 * MIB, 65_536],
    ] as const) {
      const { connect, storage } = serve({ size: 512 * MIB, maximumPayload });
      storage.status = (_context, offset, _length, visit) => {
        for (let at = offset; visit(at, 512, (at / 512) % 2); at += 512);
        return Promise.resolve();
      };
      const client = await connect().go('disk', [DIRTY]);
      client.send(request({ type: STATUS, length: 512 * MIB }));
      const [, extents] = extentsOf(await client.reply());
      expect(extents).toHaveLength(most);
      expect(extents.at(-1)).toEqual([512, 1]);
    }
  });

  it.each([
    ['nothing at 0', (): void => undefined],
    [
      'a run of 512 bytes at 512, where 0 comes next',
      (visit: (...run: [number, number, number]) => boolean): void => void visit(512, 512, 0),
    ],
    [
      'a run of 0 bytes at 0, where 0 comes next',
      (visit: (...run: [number, number, number]) => boolean): void => void visit(0, 0, 0),
    ],
  ])('fails when the storage tells %s', async (what, tell) => {
    const { connect, storage } = serve();
    storage.status = (_context, _offset, _length, visit) => {
      tell(visit);
      return Promise.resolve();
    };
    const client = await connect().go('disk', [DIRTY]);
    const failure = await client.failure({ type: STATUS, length: 512 });
    expect(failure).toEqual([EIO, `The storage told ${what} of ${DIRTY}.`]);
  });

  it('may stop before its end', async () => {
    const { connect, storage } = serve();
    storage.status = (_context, _offset, _length, visit) => {
      visit(0, 512, 1);
      return Promise.resolve();
    };
    const client = await connect().go('disk', [DIRTY]);
    client.send(request({ type: STATUS, length: 65_536 }));
    expect(extentsOf(await client.reply())).toEqual([1, [[512, 1]]]);
  });
});
