/** Answers as a server might give them that is honest but for errors: in pieces, with holes, mixed with each other. */
import type { Random } from '../../unit/support/random.js';
import type { Operation } from '../nbd-recording.js';

const DATA = 1;
const HOLE = 2;
const STATUS = 5;
const ERROR = 0x8001;
const ERROR_OFFSET = 0x8002;

const DISK = 4 * 2 ** 20;

interface Answer {
  readonly cookie: number;
  readonly structured: boolean;
  /** Whether a reader that asked for one piece gets several, or extents of no context. */
  readonly loose: boolean;
}

function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

function chunk(cookie: number, type: number, data: Buffer): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt32BE(0x668e33ef, 0);
  header.writeUInt16BE(type, 6);
  header.writeUInt32BE(cookie, 12);
  header.writeUInt32BE(data.length, 16);
  return Buffer.concat([header, data]);
}

const simple = (cookie: number, errno: number): Buffer =>
  Buffer.concat([u32(0x67446698, errno, 0, cookie)]);

function errorChunk(cookie: number, offset: number, random: Random): Buffer {
  const errno = random.pick(1, 5, 22, 28, 75, 108);
  const text = Buffer.from(random.pick('', 'No room is left.', '\ud83d'));
  const length = Buffer.from([text.length >> 8, text.length & 0xff]);
  const where = random.chance(0.5) ? u32(0, offset) : undefined;
  const data = Buffer.concat([u32(errno), length, text, ...(where ? [where] : [])]);
  return chunk(cookie, where ? ERROR_OFFSET : ERROR, data);
}

function readChunks(
  { offset, length, whole }: Extract<Operation, { do: 'read' }>,
  { cookie, loose }: Answer,
  random: Random,
): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = offset; at < offset + length;) {
    const left = offset + length - at;
    const size = whole === true && !loose ? left : Math.min(left, 1 + random.below(700));
    const isHole = random.chance(0.3);
    const data = isHole ? u32(0, at, size) : Buffer.concat([u32(0, at), Buffer.alloc(size, 'd')]);
    if (!random.chance(0.03)) chunks.push(chunk(cookie, isHole ? HOLE : DATA, data));
    at += size;
  }
  if (random.chance(0.3)) chunks.sort(() => random.next() - 0.5);
  return chunks;
}

function statusChunks({ cookie }: Answer, random: Random): Buffer[] {
  return random.pick([0, 1], [1, 0], [0]).map((context) => {
    const extents: number[] = [];
    for (let at = 0; at < DISK && extents.length < 2 * 30;) {
      const length = Math.min(DISK - at, 65_536 * (1 + random.below(40)));
      extents.push(length, random.below(4));
      at += length;
    }
    return chunk(cookie, STATUS, u32(context, ...extents));
  });
}

function answer(operation: Operation, given: Answer, random: Random): Buffer[] {
  const { cookie, structured } = given;
  const isRead = operation.do === 'read';
  if (!structured || (!isRead && operation.do !== 'status')) {
    const errno = random.chance(0.2) ? random.pick(1, 5, 28) : 0;
    const data = isRead && errno === 0 ? [Buffer.alloc(operation.length, 's')] : [];
    return [Buffer.concat([simple(cookie, errno), ...data])];
  }
  const chunks = isRead ? readChunks(operation, given, random) : statusChunks(given, random);
  if (random.chance(0.2)) {
    const { offset } = operation;
    chunks.splice(random.below(chunks.length + 1), 0, errorChunk(cookie, offset, random));
  }
  if (chunks.length === 0 || random.chance(0.3)) chunks.push(chunk(cookie, 0, Buffer.alloc(0)));
  chunks.at(-1)!.writeUInt16BE(1, 4);
  return chunks;
}

/** The answers to all operations, in turns. */
export function answers(
  operations: readonly Operation[],
  structured: boolean,
  random: Random,
): Buffer[] {
  const loose = random.chance(0.1);
  const waiting = operations.map((operation, index) =>
    answer(operation, { cookie: index + 1, structured, loose }, random),
  );
  const turns: Buffer[] = [];
  for (let open = waiting; open.length > 0; open = open.filter(({ length }) => length > 0)) {
    turns.push(...open[random.below(open.length)]!.splice(0, 1));
  }
  return random.chance(0.5) ? turns : [Buffer.concat(turns)];
}
