import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BitSet } from '../../../../src/simulator/machine/bit-set.js';
import { DirtyBitmap } from '../../../../src/simulator/machine/dirty-bitmap.js';
import { DISK_BYTES, startMachine } from './lab.js';
import type { TestMachine } from './lab.js';

interface BitmapInfo {
  readonly name: string;
  readonly count: number;
  readonly granularity: number;
  readonly recording: boolean;
  readonly busy: boolean;
}

async function bitmapsOf({ run }: TestMachine, node = 'disk0'): Promise<BitmapInfo[]> {
  const nodes = (await run('query-named-block-nodes', { flat: true })) as {
    'node-name': string;
    'dirty-bitmaps'?: BitmapInfo[];
  }[];
  return nodes.find((each) => each['node-name'] === node)?.['dirty-bitmaps'] ?? [];
}

const add = (name: string, more = {}) => ({ node: 'disk0', name, granularity: 4096, ...more });

describe('a set of blocks', () => {
  test('is what a plain set is', () => {
    const range = fc.tuple(fc.nat(100_000), fc.integer({ min: 1, max: 40_000 }));
    fc.assert(
      fc.property(
        fc.array(range, { maxLength: 8 }),
        fc.array(range, { maxLength: 4 }),
        (one, two) => {
          const fill = (ranges: [number, number][]) => {
            const bits = new BitSet(200_000);
            const plain = new Set<number>();
            for (const [first, count] of ranges) {
              if (count === 1) bits.add(first);
              else bits.addRange(first, first + count);
              for (let bit = first; bit < first + count; bit++) plain.add(bit);
            }
            return { bits, plain };
          };
          const a = fill(one);
          const b = fill(two);
          const copy = a.bits.copy();
          a.bits.union(b.bits);
          const all = new Set([...a.plain, ...b.plain]);
          expect(a.bits.count).toBe(all.size);
          expect(copy.count).toBe(a.plain.size);
          const runs = new Set<number>();
          for (let bit = a.bits.next(0, 200_000, true); bit < 200_000;) {
            const end = a.bits.next(bit, 200_000, false);
            expect(a.bits.has(bit)).toBe(true);
            for (; bit < end; bit++) runs.add(bit);
            bit = a.bits.next(end, 200_000, true);
          }
          expect(runs).toEqual(all);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('of a disk of 10 TiB takes memory only where it is not empty', () => {
    const bitmap = new DirtyBitmap('big', 10 * 2 ** 40, 65_536, false);
    bitmap.mark(10 * 2 ** 40 - 4096, 4096);
    bitmap.mark(5 * 2 ** 40, 65_537);
    expect(bitmap.dirtyBytes).toBe(3 * 65_536);
    const runs: (readonly [number, number])[] = [];
    bitmap.runs(0, 10 * 2 ** 40, (offset, length, dirty) => {
      if (dirty) runs.push([offset, length]);
      return true;
    });
    expect(runs).toEqual([
      [5 * 2 ** 40, 2 * 65_536],
      [10 * 2 ** 40 - 65_536, 65_536],
    ]);
  });
});

describe('dirty bitmaps', () => {
  test('record what the guest writes, in their granularity, and are listed the newest first', async () => {
    const lab = await startMachine();
    await lab.run('block-dirty-bitmap-add', add('fine'));
    await lab.run('block-dirty-bitmap-add', { node: 'disk0', name: 'plain' });
    lab.machine.device.writePages(3, 2);
    lab.machine.device.discardPages(255, 1);
    expect(await bitmapsOf(lab)).toEqual([
      {
        name: 'plain',
        recording: true,
        persistent: false,
        busy: false,
        granularity: 65_536,
        count: 2 * 65_536,
      },
      {
        name: 'fine',
        recording: true,
        persistent: false,
        busy: false,
        granularity: 4096,
        count: 3 * 4096,
      },
    ]);
    expect(lab.image.bytes[3 * 4096]).toBe(1);
  });

  test('disabled ones do not record, cleared ones are empty, removed ones are gone', async () => {
    const lab = await startMachine();
    await lab.run('block-dirty-bitmap-add', add('a', { disabled: true }));
    lab.machine.device.writePages(0, 1);
    expect(await bitmapsOf(lab)).toMatchObject([{ recording: false, count: 0 }]);
    await lab.run('block-dirty-bitmap-enable', { node: 'disk0', name: 'a' });
    lab.machine.device.writePages(0, 1);
    await lab.run('block-dirty-bitmap-disable', { node: 'disk0', name: 'a' });
    lab.machine.device.writePages(1, 1);
    expect(await bitmapsOf(lab)).toMatchObject([{ recording: false, count: 4096 }]);
    await lab.run('block-dirty-bitmap-clear', { node: 'disk0', name: 'a' });
    expect(await bitmapsOf(lab)).toMatchObject([{ count: 0 }]);
    await lab.run('block-dirty-bitmap-remove', { node: 'disk0', name: 'a' });
    expect(await bitmapsOf(lab)).toEqual([]);
  });

  test('of several granularities are merged, whichever is the finer', async () => {
    const lab = await startMachine();
    await lab.run('block-dirty-bitmap-add', add('fine'));
    await lab.run('block-dirty-bitmap-add', add('coarse', { granularity: 65_536 }));
    lab.machine.device.writePages(20, 1);
    for (const name of ['into-fine', 'into-coarse']) {
      const granularity = name === 'into-fine' ? 4096 : 65_536;
      await lab.run('block-dirty-bitmap-add', add(name, { granularity, disabled: true }));
      await lab.run('block-dirty-bitmap-merge', {
        node: 'disk0',
        target: name,
        bitmaps: [name === 'into-fine' ? 'coarse' : { node: 'disk0', name: 'fine' }],
      });
    }
    const counts = new Map((await bitmapsOf(lab)).map(({ name, count }) => [name, count]));
    expect(counts.get('into-fine')).toBe(65_536);
    expect(counts.get('into-coarse')).toBe(65_536);
  });

  const known = { node: 'disk0', name: 'known' };
  test.each([
    ['block-dirty-bitmap-add', { node: 'disk0', name: '' }, 'Bitmap name cannot be empty'],
    [
      'block-dirty-bitmap-add',
      { node: 'no', name: 'x' },
      "Cannot find device='no' nor node-name='no'",
    ],
    [
      'block-dirty-bitmap-add',
      add('x', { granularity: 1000 }),
      'Granularity must be power of 2 and at least 512',
    ],
    [
      'block-dirty-bitmap-add',
      add('x', { granularity: 256 }),
      'Granularity must be power of 2 and at least 512',
    ],
    ['block-dirty-bitmap-add', known, 'Bitmap already exists: known'],
    ['block-dirty-bitmap-add', add('x'.repeat(1024)), 'Bitmap name too long: x'],
    [
      'block-dirty-bitmap-add',
      add('x', { persistent: true }),
      "Can't store persistent bitmaps to disk0: Operation not supported",
    ],
    ['block-dirty-bitmap-remove', { node: 'no', name: 'x' }, "Node 'no' not found"],
    ['block-dirty-bitmap-clear', { node: 'disk0', name: 'x' }, "Dirty bitmap 'x' not found"],
    [
      'block-dirty-bitmap-merge',
      { node: 'disk0', target: 'known', bitmaps: ['x'] },
      "Dirty bitmap 'x' not found",
    ],
    [
      'block-dirty-bitmap-merge',
      { node: 'disk0', target: 'known', bitmaps: [{ node: 'other', name: 'small' }] },
      'Bitmaps are of different sizes (destination size is 1048576, source size is 65536) and can',
    ],
    [
      'transaction',
      { actions: [{ type: 'abort', data: {} }] },
      'Transaction aborted using Abort action',
    ],
    [
      'transaction',
      {
        actions: [{ type: 'block-dirty-bitmap-clear', data: known }],
        properties: { 'completion-mode': 'grouped' },
      },
      "Action 'block-dirty-bitmap-clear' does not support Transaction property completion-mode = grouped",
    ],
    ['transaction', { actions: [{ type: 'drive-backup' }] }, "Parameter 'type' does not accept"],
  ])('%s %j is refused', async (command, args, beginning) => {
    const lab = await startMachine();
    await lab.run('block-dirty-bitmap-add', known);
    await lab.run('blockdev-add', { driver: 'null-co', 'node-name': 'other', size: 65_536 });
    await lab.run('block-dirty-bitmap-add', { node: 'other', name: 'small' });
    const refused = expect(lab.run(command, args)).rejects;
    await refused.toMatchObject({
      errorClass: 'GenericError',
      description: expect.stringContaining(beginning) as string,
    });
    expect(await bitmapsOf(lab)).toMatchObject([{ name: 'known' }]);
  });

  test('in a transaction one that is to be removed is busy until the end, and so keeps its name', async () => {
    const lab = await startMachine();
    await lab.run('block-dirty-bitmap-add', known);
    const remove = { type: 'block-dirty-bitmap-remove', data: known };
    const other = { type: 'block-dirty-bitmap-add', data: known };
    await expect(lab.run('transaction', { actions: [remove, other] })).rejects.toMatchObject({
      description: 'Bitmap already exists: known',
    });
    await expect(lab.run('transaction', { actions: [remove, remove] })).rejects.toMatchObject({
      description: "Bitmap 'known' is currently in use by another operation and cannot be used",
    });
    expect(await bitmapsOf(lab)).toMatchObject([{ name: 'known', busy: false }]);
  });
});

/** What a bitmap is to the model: blocks of 4 KiB. */
interface Model {
  recording: boolean;
  readonly blocks: Set<number>;
}

const names = ['a', 'b', 'c'] as const;
const name = fc.constantFrom(...names);
const action = fc.oneof(
  fc.record({ type: fc.constant('add' as const), name }),
  fc.record({ type: fc.constantFrom('remove', 'clear', 'enable', 'disable'), name }),
  fc.record({ type: fc.constant('merge' as const), name, from: name }),
  fc.record({ type: fc.constant('abort' as const), name }),
);
const step = fc.oneof(
  fc.record({ write: fc.nat(255) }),
  fc.record({ actions: fc.array(action, { minLength: 1, maxLength: 4 }) }),
);

type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

/** @returns whether it is done; otherwise it must not have changed anything. */
function actOnModel(model: Map<string, Model>, taken: Set<string>, each: Action): boolean {
  const { type, name: target } = each;
  const bitmap = model.get(target);
  if (type === 'abort') return false;
  if (type === 'add') {
    if (bitmap) return false;
    model.set(target, { recording: true, blocks: new Set() });
    return true;
  }
  if (!bitmap || taken.has(target)) return false;
  if (type === 'remove') taken.add(target);
  if (type === 'clear') bitmap.blocks.clear();
  if (type === 'enable') bitmap.recording = true;
  if (type === 'disable') bitmap.recording = false;
  if ('from' in each) {
    const from = model.get(each.from);
    if (!from || taken.has(each.from)) return false;
    for (const block of [...from.blocks]) bitmap.blocks.add(block);
  }
  return true;
}

const copyOf = (model: Map<string, Model>) =>
  new Map(
    [...model].map(([key, { recording, blocks }]) => [key, { recording, blocks: new Set(blocks) }]),
  );

function qapi(each: Action): unknown {
  const node = 'disk0';
  if (each.type === 'abort') return { type: 'abort', data: {} };
  const type = `block-dirty-bitmap-${each.type}`;
  if ('from' in each) return { type, data: { node, target: each.name, bitmaps: [each.from] } };
  const granularity = each.type === 'add' ? { granularity: 4096 } : {};
  return { type, data: { node, name: each.name, ...granularity } };
}

describe('transactions', () => {
  test('are done as a whole or not at all, as a model has it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const lab = await startMachine();
        let model = new Map<string, Model>();
        for (const each of steps) {
          if ('write' in each) {
            lab.machine.device.writePages(each.write, 1);
            for (const { recording, blocks } of model.values()) {
              if (recording) blocks.add(each.write);
            }
            continue;
          }
          const next = copyOf(model);
          const taken = new Set<string>();
          const done = each.actions.every((act) => actOnModel(next, taken, act));
          for (const gone of taken) next.delete(gone);
          if (done) model = next;
          const answer = await lab.run('transaction', { actions: each.actions.map(qapi) }).then(
            () => true,
            () => false,
          );
          expect(answer).toBe(done);
        }
        const found = (await bitmapsOf(lab)).map(
          ({ name: own, recording, count, busy }) => [own, recording, count, busy] as const,
        );
        const wanted = [...model].map(
          ([own, { recording, blocks }]) => [own, recording, blocks.size * 4096, false] as const,
        );
        expect(found.sort()).toEqual(wanted.sort());
      }),
      { numRuns: 60 },
    );
  });

  test('a disk of the lab has as many pages as the model takes', () => {
    expect(DISK_BYTES / 4096).toBe(256);
  });
});
