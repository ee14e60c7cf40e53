/** Writes an archive in the format `newc` of cpio, which Linux takes as an initial RAM disk. */

export interface ArchiveEntry {
  /** Without a leading slash. */
  readonly name: string;
  /** Type and permissions, e.g. 0o100755. */
  readonly mode: number;
  readonly data?: Uint8Array;
  /** Of a device node. */
  readonly device?: { readonly major: number; readonly minor: number };
}

/** The archive (Linux: Documentation/driver-api/early-userspace/buffer-format.rst). */
export function cpioArchive(entries: readonly ArchiveEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  [...entries, { name: 'TRAILER!!!', mode: 0 }].forEach((entry, index) => {
    const name = Buffer.from(`${entry.name}\0`);
    const data = entry.data ?? new Uint8Array(0);
    const head = Buffer.from(header(entry, index + 1, name.length, data.length), 'latin1');
    parts.push(head, name, padding(head.length + name.length), data, padding(data.length));
  });
  return Buffer.concat(parts);
}

function header(entry: ArchiveEntry, inode: number, nameBytes: number, bytes: number): string {
  const { major, minor } = entry.device ?? { major: 0, minor: 0 };
  const fields = [inode, entry.mode, 0, 0, 1, 0, bytes, 0, 0, major, minor, nameBytes, 0];
  return `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
}

function padding(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}
