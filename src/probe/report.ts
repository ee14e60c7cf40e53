/**
 * Puts a report together from its lines: a header, batches of files and extents, and a last line
 * with counts and a checksum, by which a torn report is noticed (protocol/PROBE.md, "Snapshot").
 */
import { crc32 } from 'node:zlib';
import { ProtocolError } from '../base/errors.js';
import type { Extent } from '../base/extent.js';
import { asArray, asCount, asIdentifier, asObject, asOptionalText, asText } from './fields.js';
import { isMethod } from './hello.js';
import type { CacheClass, CacheExtent, CacheFile, CacheReport, CacheState } from './types.js';

/** More than the probe ever sends; a bound on memory (protocol/PROBE.md, "Bounds"). */
const EXTENT_LIMIT = 1 << 20;
const FILE_LIMIT = 1 << 17;
/** Of the names and paths of all files, in characters. */
const TEXT_LIMIT = 1 << 25;

const states: Readonly<Record<string, CacheState>> = { C: 'clean', W: 'writeback', D: 'dirty' };
const classes: Readonly<Record<string, CacheClass>> = { d: 'data', m: 'metadata', j: 'journal' };

type Header = Omit<CacheReport, 'extents' | 'files'>;

export class ReportAssembler {
  #header: Header | undefined;
  readonly #files: CacheFile[] = [];
  readonly #extents: CacheExtent[] = [];
  #checksum = 0;
  #textLength = 0;
  #end = 0;

  /**
   * Takes a line of the report that is not its last.
   * @param line the bytes as they came, newline included.
   * @throws ProtocolError when it does not belong there.
   */
  add(message: Readonly<Record<string, unknown>>, line: Buffer): void {
    this.#checksum = crc32(line, this.#checksum);
    if (message['report'] !== undefined) {
      if (this.#header) throw new ProtocolError("The guest's probe began a report twice.");
      this.#header = readHeader(message['report']);
      return;
    }
    if (!this.#header)
      throw new ProtocolError("The guest's probe sent a part of a report before its header.");
    if (message['files'] !== undefined)
      for (const file of asArray(message['files'], "'files'")) this.#addFile(file);
    if (message['extents'] !== undefined)
      for (const extent of asArray(message['extents'], "'extents'")) this.#addExtent(extent);
  }

  /**
   * Takes the last line and gives the report.
   * @throws ProtocolError when the report is torn.
   */
  finish(result: unknown): CacheReport {
    const last = asObject(result, 'the end of a report');
    if (!this.#header)
      throw new ProtocolError("The guest's probe ended a report without its header.");
    const expected = {
      sequence: this.#header.sequence,
      files: this.#files.length,
      extents: this.#extents.length,
      crc32: this.#checksum,
    };
    for (const [name, value] of Object.entries(expected)) {
      const told = asCount(last[name], `the end of a report with a '${name}'`);
      if (told !== value)
        throw new ProtocolError(
          `The guest's probe sent a torn report: '${name}' is ${value} and should be ${told}.`,
        );
    }
    return { ...this.#header, files: this.#files, extents: this.#extents };
  }

  #addFile(value: unknown): void {
    if (this.#files.length === FILE_LIMIT)
      throw new ProtocolError(`The guest's probe reported more than ${FILE_LIMIT} files.`);
    const [device, inode, generation, links, fileSystem, path] = asArray(value, 'a file');
    const known = asOptionalText(path, 'a path');
    const added: CacheFile = {
      device: asText(device, 'a device of a file'),
      inode: asIdentifier(inode, 'an inode'),
      generation: asCount(generation, 'a generation'),
      links: asCount(links, 'a number of links'),
      fileSystem: asText(fileSystem, 'a file system'),
      ...(known === undefined ? {} : { path: known }),
    };
    this.#textLength += added.device.length + added.fileSystem.length + (known?.length ?? 0);
    if (this.#textLength > TEXT_LIMIT)
      throw new ProtocolError(
        `The guest's probe reported files with names of more than ${TEXT_LIMIT} characters.`,
      );
    this.#files.push(added);
  }

  #addExtent(value: unknown): void {
    if (this.#extents.length === EXTENT_LIMIT)
      throw new ProtocolError(`The guest's probe reported more than ${EXTENT_LIMIT} extents.`);
    const extent = readExtent(asArray(value, 'an extent'), this.#files.length);
    if (extent.offset < this.#end)
      throw new ProtocolError(
        `The guest's probe reported an extent at ${extent.offset}, below the end of the one before it, ${this.#end}.`,
      );
    this.#end = extent.offset + extent.length;
    if (!Number.isSafeInteger(this.#end))
      throw new ProtocolError("The guest's probe reported an extent whose end is no safe integer.");
    this.#extents.push(extent);
  }
}

function readHeader(value: unknown): Header {
  const header = asObject(value, 'a header');
  const count = (name: string) => asCount(header[name], `a header with a '${name}'`);
  const method = asText(header['method'], "a header with a 'method'");
  if (!isMethod(method))
    throw new ProtocolError(`The guest's probe reported by an unknown method, '${method}'.`);
  const unmapped = asObject(header['unmappedBytes'], "a header with 'unmappedBytes'");
  const truncated = asOptionalText(header['truncated'], "a header with 'truncated'");
  return {
    sequence: count('sequence'),
    method,
    startMs: count('startMs'),
    endMs: count('endMs'),
    restarts: count('restarts'),
    givenUp: count('givenUp'),
    unmappedBytes: Object.fromEntries(
      Object.entries(unmapped).map(([reason, bytes]) => [reason, asCount(bytes, `'${reason}'`)]),
    ),
    journals: asArray(header['journals'], "a header with 'journals'").map(readJournal),
    ...(truncated === undefined ? {} : { truncated }),
  };
}

function readJournal(value: unknown): Extent {
  const [offset, length] = asArray(value, 'a journal');
  return { offset: asCount(offset, 'an offset'), length: asLength(length) };
}

function asLength(value: unknown): number {
  const length = asCount(value, 'a length');
  if (length === 0) throw new ProtocolError("The guest's probe reported an extent of no length.");
  return length;
}

/** -1 stands for what is not known, before an element that is. */
function asKnown(value: unknown, what: string): number | undefined {
  return value === undefined || value === -1 ? undefined : asCount(value, what);
}

function readExtent(value: readonly unknown[], files: number): CacheExtent {
  const [offset, length, code, file, fileOffset, age] = value;
  const letters = asText(code, 'a state of an extent');
  const state = states[letters.charAt(0)];
  const kind = classes[letters.charAt(1)];
  if (!state || !kind || letters.length !== 2)
    throw new ProtocolError(`The guest's probe reported an unknown state, '${letters}'.`);
  const index = asKnown(file, 'an index of a file');
  if (index !== undefined && index >= files)
    throw new ProtocolError(`The guest's probe reported an extent of file ${index} of ${files}.`);
  const inFile = asKnown(fileOffset, 'an offset in a file');
  const ageMs = asKnown(age, 'an age');
  return {
    offset: asCount(offset, 'an offset'),
    length: asLength(length),
    state,
    class: kind,
    ...(index === undefined ? {} : { file: index }),
    ...(inFile === undefined ? {} : { fileOffset: inFile }),
    ...(ageMs === undefined ? {} : { ageMs }),
  };
}
