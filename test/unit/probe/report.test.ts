import fc from 'fast-check';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ReportAssembler } from '../../../src/probe/report.js';
import { header } from './support/scripted-probe.js';

const file = ['254:0', 12, 1, 1, 'ext4', '/mnt/file'];

function assemble(parts: readonly object[], end: object = {}) {
  const assembler = new ReportAssembler();
  let sum = 0;
  let [files, extents] = [0, 0];
  for (const part of parts as readonly { files?: unknown[]; extents?: unknown[] }[]) {
    const line = Buffer.from(`${JSON.stringify(part)}\n`);
    sum = crc32(line, sum);
    files += part.files?.length ?? 0;
    extents += part.extents?.length ?? 0;
    assembler.add(part, line);
  }
  return assembler.finish({ sequence: 1, files, extents, crc32: sum, ...end });
}

describe('a report', () => {
  it('is put together from its parts, in any division into lines', () => {
    const runs = fc.array(fc.tuple(fc.nat(1000), fc.integer({ min: 1, max: 1000 })), {
      maxLength: 50,
    });
    fc.assert(
      fc.property(runs, fc.integer({ min: 1, max: 7 }), (gaps, batch) => {
        let end = 0;
        const extents = gaps.map(([gap, length]) => {
          const offset = end + gap;
          end = offset + length;
          return [offset, length, 'Cd', 0, 0];
        });
        const lines = [];
        for (let at = 0; at < extents.length; at += batch)
          lines.push({ extents: extents.slice(at, at + batch) });
        const report = assemble([{ report: header }, { files: [file] }, ...lines]);
        expect(report.extents.map(({ offset, length }) => [offset, length])).toEqual(
          extents.map(([offset, length]) => [offset, length]),
        );
      }),
    );
  });

  it('ignores what it does not know', () => {
    const report = assemble([
      { report: { ...header, later: 1 } },
      { files: [[...file, 'later']], later: 1 },
      { extents: [[0, 4096, 'Wd', 0, 0, 7, 'later']] },
    ]);
    expect(report.extents).toEqual([
      {
        offset: 0,
        length: 4096,
        state: 'writeback',
        class: 'data',
        file: 0,
        fileOffset: 0,
        ageMs: 7,
      },
    ]);
  });

  it('says when it is truncated', () => {
    expect(assemble([{ report: { ...header, truncated: 'Too much.' } }]).truncated).toBe(
      'Too much.',
    );
  });

  const start = [{ report: header }, { files: [file] }];
  it.each<[string, readonly object[], object, RegExp]>([
    ['begun twice', [...start, { report: header }], {}, /^The guest's probe began a report twice/],
    [
      'without header',
      [{ files: [file] }],
      {},
      /^The guest's probe sent a part of a report before/,
    ],
    ['with nothing', [], {}, /^The guest's probe ended a report without its header/],
    [
      'with a wrong checksum',
      start,
      { crc32: 1 },
      /^The guest's probe sent a torn report: 'crc32'/,
    ],
    [
      'of another sequence',
      start,
      { sequence: 2 },
      /^The guest's probe sent a torn report: 'sequence'/,
    ],
    ['that lacks files', start, { files: 2 }, /^The guest's probe sent a torn report: 'files'/],
    [
      'that lacks extents',
      start,
      { extents: 1 },
      /^The guest's probe sent a torn report: 'extents'/,
    ],
    [
      'of overlapping extents',
      [
        ...start,
        {
          extents: [
            [0, 8, 'Dm'],
            [4, 8, 'Dm'],
          ],
        },
      ],
      {},
      /^The guest's probe reported an extent at 4, below the end/,
    ],
    [
      'of an empty extent',
      [...start, { extents: [[0, 0, 'Dm']] }],
      {},
      /^The guest's probe reported an extent of no length/,
    ],
    [
      'of an extent beyond all',
      [...start, { extents: [[2 ** 53 - 1, 9, 'Dm']] }],
      {},
      /^The guest's probe reported an extent whose end/,
    ],
    [
      'of a negative offset',
      [...start, { extents: [[-4, 8, 'Dm']] }],
      {},
      /^The guest's probe sent an offset that is not a whole number/,
    ],
    [
      'of an unknown state',
      [...start, { extents: [[0, 8, 'Xd']] }],
      {},
      /^The guest's probe reported an unknown state, 'Xd'/,
    ],
    [
      'of an unknown class',
      [...start, { extents: [[0, 8, 'Dx']] }],
      {},
      /^The guest's probe reported an unknown state, 'Dx'/,
    ],
    [
      'of a file that is not there',
      [...start, { extents: [[0, 8, 'Dd', 1, 0]] }],
      {},
      /^The guest's probe reported an extent of file 1 of 1/,
    ],
    [
      'of files whose paths are endless',
      [
        { report: header },
        ...Array.from({ length: 600 }, () => ({
          files: [[...file.slice(0, 5), 'x'.repeat(60_000)]],
        })),
      ],
      {},
      /^The guest's probe reported files with names of more than/,
    ],
    [
      'of an unknown method',
      [{ report: { ...header, method: 'magic' } }],
      {},
      /^The guest's probe reported by an unknown method/,
    ],
    [
      'whose files are no list',
      [...start, { files: 7 }],
      {},
      /^The guest's probe sent 'files' that is not an array/,
    ],
    [
      'with unmapped bytes that are no number',
      [{ report: { ...header, unmappedBytes: { hole: '1' } } }],
      {},
      /^The guest's probe sent 'hole' that is not/,
    ],
  ])('%s is refused', (_, parts, end, message) => {
    const run = () => assemble(parts, end);
    expect(run).toThrow(message);
    expect(run).toThrow(expect.objectContaining({ kind: 'protocol' }) as Error);
  });
});
