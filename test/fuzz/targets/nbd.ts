/** The NBD client: handshakes, and replies whose memory is counted. */
import fc from 'fast-check';
import { silentLogger } from '../../../src/base/logger.js';
import { connectNbdOver, type NbdConnection } from '../../../src/nbd/index.js';
import { ClientConnection } from '../../../src/nbd/connection.js';
import { attach } from '../../../src/nbd/dial.js';
import { Exchange } from '../../../src/nbd/exchange.js';
import { Handshake, type HandshakeResult } from '../../../src/nbd/handshake.js';
import { Inbox } from '../../../src/nbd/inbox.js';
import { OptionChannel } from '../../../src/nbd/option-channel.js';
import { Slab } from '../../../src/nbd/slab.js';
import { Wire } from '../../../src/nbd/wire.js';
import type { Random } from '../../unit/support/random.js';
import { chunksOf, type FuzzInput } from '../harness/input.js';
import { Session, turn } from '../harness/session.js';
import { FuzzClock, Tape } from '../harness/tape.js';
import { must, type FuzzTarget, type Verdict } from '../harness/target.js';
import { arbitrary, arrival, mutateTurns } from '../mutate/turns.js';
import { INTEGERS_32 } from '../mutate/values.js';
import { startOperations, type NbdRecording, type Operation } from '../nbd-recording.js';
import { saidBy } from '../recording.js';
import { answers } from './nbd-answers.js';
import { nbdRecordings } from '../recordings.js';

/** No more may lie in an inbox that is not being asked for, in bytes: an error with its text. */
const LONGEST_WAIT = 8 * 1024;
const sessions = nbdRecordings.map((recording) => {
  const { turns, handshakeTurns } = recording;
  return {
    recording,
    handshake: saidBy('peer', { ...recording, turns: turns.slice(0, handshakeTurns) }),
    replies: saidBy('peer', { ...recording, turns: turns.slice(handshakeTurns) }),
  };
});
type Recorded = (typeof sessions)[number];

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const number32 = fc.oneof(fc.constantFrom(...INTEGERS_32), fc.nat(2 ** 32 - 1));
const body = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));

/** Option replies that are well framed, whatever they say. */
const optionReplies = fc.array(
  fc
    .record({
      option: fc.constantFrom(7, 8, 10, 3, 2, 99),
      type: fc.constantFrom(1, 2, 3, 4, ...[1, 2, 3, 5, 6, 7, 8, 9].map((code) => 2 ** 31 + code)),
      data: fc.oneof(
        fc.constant(Buffer.alloc(0)),
        body,
        fc
          .tuple(number32, number32, fc.nat(0xffff))
          .map(([high, low, flags]) =>
            Buffer.concat([Buffer.alloc(2), u32(high), u32(low), u32(flags).subarray(2)]),
          ),
        fc
          .tuple(number32, number32, number32)
          .map((sizes) => Buffer.concat([Buffer.from([0, 3]), ...sizes.map(u32)])),
        number32.map((number) => Buffer.concat([u32(number), Buffer.from('base:allocation')])),
      ),
      length: fc.option(number32, { freq: 12 }),
    })
    .map(({ option, type, data, length }) =>
      Buffer.concat([
        Buffer.from('0003e889045565a9', 'hex'),
        ...[option, type, length ?? data.length].map(u32),
        data,
      ]),
    ),
  { maxLength: 8 },
);

/** Replies and chunks that are well framed, whatever they say. */
const replies = fc.array(
  fc
    .record({
      flags: fc.nat(1),
      type: fc.constantFrom(0, 1, 2, 5, 0x8001, 0x8002, 0x8003, 9),
      cookie: fc.integer({ min: 0, max: 11 }),
      data: fc.oneof(
        body,
        fc
          .tuple(number32, number32, body)
          .map(([high, low, data]) => Buffer.concat([u32(high % 2), u32(low), data])),
        fc.array(number32, { maxLength: 9 }).map((numbers) => Buffer.concat(numbers.map(u32))),
      ),
      length: fc.option(number32, { freq: 8 }),
      simple: fc.boolean(),
    })
    .map(({ flags, type, cookie, data, length, simple }) => {
      const header = Buffer.alloc(simple ? 16 : 20);
      header.writeUInt32BE(simple ? 0x67446698 : 0x668e33ef, 0);
      if (!simple) header.writeUInt16BE(flags, 4);
      header.writeUInt16BE(simple ? type % 9 : type, 6);
      header.writeUInt32BE(cookie, 12);
      if (!simple) header.writeUInt32BE(length ?? data.length, 16);
      return Buffer.concat([header, data]);
    }),
  { maxLength: 10 },
);

/** In the first turn: nothing is cancelled. */
const NEVER = 255;

/** The first turn only says which session the input is of, and after which turn everything is cancelled. */
function withSession(index: number, turns: readonly Buffer[], random: Random): FuzzInput {
  return { turns: [Buffer.from([index, NEVER]), ...turns], ...arrival(random) };
}

function sessionOf({ turns }: FuzzInput): Recorded {
  return sessions[(turns[0]?.[0] ?? 0) % sessions.length]!;
}

function makeHandshake(random: Random): FuzzInput {
  const index = random.below(sessions.length);
  const { handshake, replies: said } = sessions[index]!;
  const turns = random.chance(0.75)
    ? mutateTurns([...handshake, ...said], random, { lines: false })
    : [handshake[0]!, ...arbitrary(optionReplies, random)];
  return withSession(index, turns, random);
}

async function readHandshake(input: FuzzInput): Promise<Verdict> {
  const { recording } = sessionOf(input);
  const { exportName, metaContexts, structuredReplies, operations } = recording;
  const tape = new Tape();
  const session = new Session(tape);
  const { clock } = session;
  let client: NbdConnection | undefined;
  const connect = async () => {
    client = await connectNbdOver(tape, {
      exportName,
      clock,
      ...(metaContexts === undefined ? {} : { metaContexts }),
      ...(structuredReplies === undefined ? {} : { structuredReplies }),
    });
    must(Number.isSafeInteger(client.info.size), 'A size that is not exact.');
    watchOperations(session, client, operations);
  };
  session.watch('connecting', connect());
  await session.tell({ ...input, turns: input.turns.slice(1) });
  const verdict = await session.settle(input, () => client?.destroy());
  await session.expectNoTimers();
  must(tape.destroyed, 'The stream is left open.');
  return verdict;
}

function watchOperations(
  session: Session,
  client: NbdConnection,
  operations: readonly Operation[],
  signal?: AbortSignal,
): void {
  for (const [index, promise] of startOperations(client, operations, signal).entries())
    session.watch(operations[index]!.do, promise);
}

/** What each recorded handshake agreed on. */
const agreed = new Map<NbdRecording, Promise<HandshakeResult>>();

function agree({ recording, handshake }: Recorded): Promise<HandshakeResult> {
  const known = agreed.get(recording);
  if (known) return known;
  const tape = new Tape();
  const channel = new OptionChannel(attach(tape, 'the server'), 'the server');
  const { exportName, metaContexts = [], structuredReplies = true } = recording;
  const request = { exportName, metaContexts, structuredReplies };
  const result = new Handshake(channel, request, new FuzzClock(), silentLogger).run();
  for (const said of handshake) tape.deliver(said);
  agreed.set(recording, result);
  return result;
}

function makeReplies(random: Random): FuzzInput {
  const index = random.below(3);
  const { recording, replies: recorded } = sessions[index]!;
  const kind = random.next();
  const { operations, structuredReplies = true } = recording;
  const honest = () => answers(operations, structuredReplies, random);
  const turns =
    kind < 0.4
      ? mutateTurns(recorded, random, { lines: false })
      : kind < 0.6
        ? honest()
        : kind < 0.75
          ? mutateTurns(honest(), random, { lines: false })
          : arbitrary(replies, random);
  const given = withSession(index, turns, random);
  const cancelled = random.chance(0.2) ? random.below(turns.length + 1) : NEVER;
  return { ...given, turns: [Buffer.from([index, cancelled]), ...turns] };
}

/** Slabs that are counted: each chunk in its own, or all of a turn in one. */
class CountedMemory {
  held = 0;

  constructor(
    private readonly inbox: Inbox,
    private readonly alone: boolean,
  ) {}

  push(said: Buffer, cuts: readonly number[], arrived: () => boolean): void {
    let at = 0;
    let slab = this.#slab(said);
    for (const [chunk] of chunksOf(said, cuts)) {
      if (!arrived()) break;
      if (this.alone) {
        slab.release();
        slab = this.#slab(Buffer.from(chunk));
        at = 0;
      }
      this.inbox.push(slab, at, at + chunk.length);
      at += chunk.length;
      this.inbox.onArrival();
      must(this.inbox.length <= LONGEST_WAIT, `${this.inbox.length} bytes lie unread.`);
    }
    slab.release();
  }

  #slab(memory: Buffer): Slab {
    this.held++;
    return new Slab(memory, () => this.held--);
  }
}

async function readReplies(input: FuzzInput): Promise<Verdict> {
  const recorded = sessionOf(input);
  const result = await agree(recorded);
  const tape = new Tape();
  const session = new Session(tape);
  const inbox = new Inbox();
  const wire = new Wire(tape, inbox, 'the server');
  const exchange = new Exchange(wire, result.info.structuredReplies, 'the server', session.clock);
  const client = new ClientConnection(result, exchange);
  const cancel = new AbortController();
  watchOperations(session, client, recorded.recording.operations, cancel.signal);
  const memory = new CountedMemory(inbox, input.cuts.length % 2 === 0);
  for (const [index, said] of input.turns.slice(1).entries()) {
    await turn();
    if (index === input.turns[0]?.[1]) cancel.abort();
    memory.push(said, input.cuts, () => !wire.lost);
  }
  tape.resume();
  tape.hangUp(input.ending);
  const verdict = await session.settle(input, () => client.destroy());
  must(exchange.inFlight === 0, `${exchange.inFlight} requests are in flight at the end.`);
  must(inbox.length === 0, `${inbox.length} bytes lie in the inbox at the end.`);
  must(memory.held === 0, `${memory.held} slabs are held at the end.`);
  return verdict;
}

export const nbdHandshakeTarget: FuzzTarget = {
  name: 'nbd-handshake',
  about: 'the NBD client from the greeting on, with option replies, replies and status replies',
  share: 8,
  make: makeHandshake,
  read: readHandshake,
};

export const nbdRepliesTarget: FuzzTarget = {
  name: 'nbd-replies',
  about: 'simple and structured replies, extents and errors, in memory that is counted',
  share: 12,
  make: makeReplies,
  read: readReplies,
};
