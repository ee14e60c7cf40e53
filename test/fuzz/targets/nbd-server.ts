/** The NBD server, with a client that says anything: recorded sessions that are changed, options and requests that are made up. */
import fc from 'fast-check';
import {
  BASE_ALLOCATION,
  NbdServer,
  NbdServerError,
  type ExportStorage,
} from '../../../src/nbd/index.js';
import type { Random } from '../../unit/support/random.js';
import type { FuzzInput } from '../harness/input.js';
import { Session } from '../harness/session.js';
import { Tape } from '../harness/tape.js';
import { must, TAKEN, type FuzzTarget, type Verdict } from '../harness/target.js';
import { arbitrary, arrival, mutateTurns } from '../mutate/turns.js';
import { INTEGERS_32 } from '../mutate/values.js';
import { saidBy } from '../recording.js';
import { nbdRecordings } from '../recordings.js';

const SIZE = 4 * 2 ** 20;
const BLOCK = 65_536;
const DIRTY = 'qemu:dirty-bitmap:dirty';
/** Timers of the server after the end: its patience with a client that is sent away. */
const NAPS = 3;

const sessions = nbdRecordings.map((recording) => saidBy('reader', recording));

const u32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
};
const text = (bytes: string): Buffer => Buffer.concat([u32(bytes.length), Buffer.from(bytes)]);
const option = (number: number, data: Uint8Array, length = data.length): Buffer =>
  Buffer.concat([Buffer.from('IHAVEOPT'), u32(number, length), data]);
const number32 = fc.oneof(fc.constantFrom(...INTEGERS_32), fc.nat(2 ** 32 - 1));

const name = fc.constantFrom('disk', 'disk', '', 'nosuch', 'a\0b', '\xff');
const query = fc.constantFrom(BASE_ALLOCATION, DIRTY, 'base:', 'qemu:', 'qemu:dirty-bitmap:', ':');
const optionData = fc.oneof(
  fc.constant(Buffer.alloc(0)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  name.map((given) => Buffer.concat([text(given), Buffer.from([0, 1, 0, 3])])),
  fc
    .tuple(name, fc.array(query, { maxLength: 3 }), fc.boolean())
    .map(([given, queries, lie]) =>
      Buffer.concat([text(given), u32(queries.length + (lie ? 1 : 0)), ...queries.map(text)]),
    ),
);
const anyOption = fc
  .record({
    number: fc.constantFrom(1, 2, 3, 5, 6, 7, 7, 8, 8, 9, 10, 10, 11, 77),
    data: optionData,
    length: fc.option(number32, { freq: 15 }),
  })
  .map(({ number, data, length }) => option(number, data, length ?? undefined));

const range = fc.oneof(
  fc.tuple(fc.constant(0), fc.nat(SIZE), fc.nat(2 * BLOCK)),
  fc.tuple(fc.nat(2), number32, number32),
);
const anyRequest = fc
  .record({
    command: fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 7, 8, 0xffff),
    flags: fc.constantFrom(0, 0, 0, 1, 2, 4, 8, 16, 0xffff),
    cookie: number32,
    range,
    data: fc.nat(600),
  })
  .map(({ command, flags, cookie, range: [high, low, length], data }) => {
    const written = command === 1 ? Buffer.alloc(data, 'w') : Buffer.alloc(0);
    const header = u32(0x25609513, 0, 0, cookie, high, low, length);
    header.writeUInt16BE(flags, 4);
    header.writeUInt16BE(command, 6);
    if (command === 1 && cookie % 8 !== 0) header.writeUInt32BE(data, 24);
    return Buffer.concat([header, written]);
  });

const GO = option(7, Buffer.concat([text('disk'), Buffer.alloc(2)]));
const CONTEXTS = option(
  10,
  Buffer.concat([text('disk'), u32(2), text(BASE_ALLOCATION), text(DIRTY)]),
);

const conversation = fc
  .tuple(
    fc.constantFrom(3, 3, 3, 1, 0, 2, 4),
    fc.array(anyOption, { maxLength: 2 }),
    fc.boolean(),
    fc.array(anyRequest, { maxLength: 10 }),
  )
  .map(([flags, options, structured, requests]) => {
    const start = structured ? [option(8, Buffer.alloc(0)), CONTEXTS] : [];
    return [u32(flags), ...options, ...start, GO, ...requests];
  });

/** A handshake that succeeds. */
const OPENING = [u32(3), option(8, Buffer.alloc(0)), CONTEXTS, GO];
const requests = fc.array(anyRequest, { minLength: 1, maxLength: 12 });

function makeTurns(random: Random): Buffer[] {
  const kind = random.next();
  if (kind < 0.3) return mutateTurns(sessions[random.below(sessions.length)]!, random, BYTES);
  if (kind < 0.5) return mutateTurns(arbitrary(conversation, random), random, BYTES);
  const asked = arbitrary(requests, random);
  return [...OPENING, ...(kind < 0.75 ? mutateTurns(asked, random, BYTES) : asked)];
}

const BYTES = { lines: false };

function make(random: Random): FuzzInput {
  const turns = makeTurns(random);
  return { turns: random.chance(0.3) ? [Buffer.concat(turns)] : turns, ...arrival(random) };
}

const DATA = Buffer.alloc(BLOCK, 'd');

/** A disk whose every other block is a hole, and which takes what it is given; some of it fails. */
class FuzzStorage implements ExportStorage {
  readonly size = SIZE;
  /** Calls that have not ended. */
  open = 0;
  /** A range that the server should have refused. */
  wrong: string | undefined;

  read(offset: number, length: number) {
    this.#check(offset, length);
    const pieces = [];
    for (let at = offset; at < offset + length;) {
      const end = Math.min(offset + length, (Math.floor(at / BLOCK) + 1) * BLOCK);
      const hole = Math.floor(at / BLOCK) % 2 === 1;
      pieces.push(
        hole
          ? { hole: true as const, length: end - at }
          : { hole: false as const, data: DATA.subarray(0, end - at) },
      );
      at = end;
    }
    return pieces;
  }

  write(offset: number, data: readonly Uint8Array[]): Promise<void> {
    const length = data.reduce((sum, piece) => sum + piece.length, 0);
    this.#check(offset, length);
    return this.#later(length % 7 === 3);
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    this.#check(offset, length);
    return this.#later(length % 5 === 1);
  }

  trim(offset: number, length: number): void {
    this.#check(offset, length);
    if (length % 3 === 0) throw new Error('No trimming today.');
  }

  flush(): Promise<void> {
    return this.#later(false);
  }

  status(
    _context: string,
    offset: number,
    length: number,
    visit: (offset: number, length: number, flags: number) => boolean,
  ): void {
    this.#check(offset, length);
    for (let at = offset, wanted = true; wanted && at < offset + length;) {
      const end = (Math.floor(at / BLOCK) + 1) * BLOCK;
      wanted = visit(at, end - at, Math.floor(at / BLOCK) % 2);
      at = end;
    }
  }

  #check(offset: number, length: number): void {
    const fits = length > 0 && offset >= 0 && offset + length <= SIZE;
    if (!fits) this.wrong = `${offset}+${length}`;
  }

  async #later(fails: boolean): Promise<void> {
    this.open++;
    await Promise.resolve();
    this.open--;
    if (fails) throw new NbdServerError('The disk is full.', 28);
  }
}

async function read(input: FuzzInput): Promise<Verdict> {
  const tape = new Tape();
  const session = new Session(tape);
  const heard: string[] = [];
  const log = (_level: string, message: string) => void heard.push(message);
  const server = new NbdServer({ clock: session.clock, logger: { log } });
  const storage = new FuzzStorage();
  const terms = { storage, readOnly: false, canMultiConn: true };
  for (const exportName of ['disk', ''])
    server.addExport({ name: exportName, metaContexts: [BASE_ALLOCATION, DIRTY], ...terms });
  session.watch('serving', server.serve(tape, 'the client'));
  await session.tell(input);
  const verdict = await session.settle(input, () => void server.close(), NAPS);
  await session.expectNoTimers();
  must(tape.destroyed, 'The stream is left open.');
  must(storage.wrong === undefined, `The storage was asked for ${storage.wrong}.`);
  must(storage.open === 0, `${storage.open} calls of the storage are open at the end.`);
  must(server.clientsOf('disk').length === 0, 'A client is left.');
  checkSaid(Buffer.from(tape.said, 'latin1'));
  const transmitted = heard.some((message) => message.includes(' uses the export '));
  return verdict !== TAKEN || transmitted ? verdict : 'no handshake';
}

/** What a server said is well framed, as far as it can be told without knowing what it was asked. */
function checkSaid(said: Buffer): void {
  must(said.toString('latin1', 0, 16) === 'NBDMAGICIHAVEOPT', 'No greeting.');
  let structured = false;
  for (let at = 18; at + 20 <= said.length;) {
    const magic = said.readUInt32BE(at);
    if (magic === 0x0003e889) {
      structured ||= said.readUInt32BE(at + 8) === 8 && said.readUInt32BE(at + 12) === 1;
      at += 20 + said.readUInt32BE(at + 16);
    } else if (magic === 0x668e33ef) {
      must(structured, 'A chunk, although structured replies were not negotiated.');
      at += 20 + said.readUInt32BE(at + 16);
    } else if (magic === 0x67446698) {
      if (!structured) return;
      at += 16;
    } else {
      must(magic === 0, `A message with magic 0x${magic.toString(16)}.`);
      return;
    }
  }
}

export const nbdServerTarget: FuzzTarget = {
  name: 'nbd-server',
  about: 'the NBD server: options, requests, and what it says to them',
  share: 10,
  make,
  read,
};
