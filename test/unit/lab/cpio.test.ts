import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpioArchive, type ArchiveEntry } from '../../../src/lab/cpio.js';

/** Reads an archive as Linux does (buffer-format.rst): headers of 13 hexadecimal fields, padded to 4. */
function readArchive(archive: Buffer): (ArchiveEntry & { readonly inode: number })[] {
  const entries: (ArchiveEntry & { readonly inode: number })[] = [];
  for (let at = 0; ;) {
    expect(at % 4).toBe(0);
    expect(archive.toString('latin1', at, at + 6)).toBe('070701');
    const header = archive.toString('latin1', at, at + 110);
    const field = (index: number) =>
      Number.parseInt(header.slice(6 + index * 8, 14 + index * 8), 16);
    const nameEnd = at + 110 + field(11);
    const name = archive.toString('utf8', at + 110, nameEnd - 1);
    expect(archive[nameEnd - 1]).toBe(0);
    const from = Math.ceil(nameEnd / 4) * 4;
    const data = archive.subarray(from, from + field(6));
    at = Math.ceil((from + field(6)) / 4) * 4;
    if (name === 'TRAILER!!!') {
      expect(at).toBe(archive.length);
      return entries;
    }
    const device = { major: field(9), minor: field(10) };
    entries.push({ name, mode: field(1), data, device, inode: field(0) });
  }
}

describe('an archive', () => {
  it('holds a device node by its numbers', () => {
    const node = { name: 'dev/console', mode: 0o020600, device: { major: 5, minor: 1 } };
    expect(readArchive(cpioArchive([node]))).toMatchObject([node]);
  });

  it('gives back what was put in, for names and data of any length', () => {
    const entry = fc.record({
      name: fc.string({ minLength: 1, unit: 'grapheme' }).filter((name) => !name.includes('\0')),
      mode: fc.constantFrom(0o100755, 0o100644, 0o040755),
      data: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), (entries) => {
        const found = readArchive(cpioArchive(entries));
        expect(found.map(({ name, mode, data }) => ({ name, mode, data }))).toEqual(entries);
        expect(new Set(found.map(({ inode }) => inode)).size).toBe(entries.length);
      }),
    );
  });
});
