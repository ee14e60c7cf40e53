/**
 * The server's side of the transmission phase as it arrives: simple replies and structured reply
 * chunks, cut out of the bytes of an inbox and given to the replies that wait for them.
 *
 * Reached when NBD_OPT_GO was acknowledged. Whatever breaks the protocol is thrown as a
 * ProtocolError; after that the connection can't be used, since the next message can't be found.
 */
import { ProtocolError } from '../base/errors.js';
import type { Inbox } from './inbox.js';
import {
  commandName,
  MAXIMUM_STRING,
  NBD_CMD_READ,
  NBD_REPLY_FLAG_DONE,
  NBD_REPLY_TYPE_BLOCK_STATUS,
  NBD_REPLY_TYPE_ERROR,
  NBD_REPLY_TYPE_ERROR_OFFSET,
  NBD_REPLY_TYPE_FLAG_ERROR,
  NBD_REPLY_TYPE_NONE,
  NBD_REPLY_TYPE_OFFSET_DATA,
  NBD_REPLY_TYPE_OFFSET_HOLE,
  NBD_SIMPLE_REPLY_MAGIC,
  NBD_STRUCTURED_REPLY_MAGIC,
  SIMPLE_REPLY_LENGTH,
  STRUCTURED_REPLY_LENGTH,
} from './protocol.js';
import { ReadReply } from './read-reply.js';
import type { Reply } from './reply.js';
import { StatusReply } from './status-reply.js';

/** Bytes of the fixed parts of chunks ("Structured reply types"). */
const OFFSET_LENGTH = 8;
const HOLE_LENGTH = 12;
const CONTEXT_LENGTH = 4;
const EXTENT_LENGTH = 8;
const ERROR_LENGTH = 6;
const ERROR_OFFSET_LENGTH = 14;
/** No error chunk is longer: its fixed fields, the longest string and some fields yet unknown. */
const LONGEST_ERROR = ERROR_OFFSET_LENGTH + MAXIMUM_STRING + 64;

/** Where the replies are that wait. */
export interface WaitingReplies {
  find(cookie: number): Reply | undefined;
  /** Is called once an answer is complete, before its reply settles. */
  remove(cookie: number): void;
  /** Is called for each error number that the server reports. */
  onError(errno: number): void;
}

interface Chunk {
  readonly cookie: number;
  readonly type: number;
  readonly done: boolean;
  /** Bytes of payload in all. */
  readonly length: number;
  readonly reply: Reply;
}

/** What the next bytes are: each step takes some and says true, or waits for more and says false. */
type Step = () => boolean;

export class ReplyStream {
  readonly #header: Step = () => this.#takeHeader();
  #step: Step = this.#header;

  constructor(
    private readonly inbox: Inbox,
    private readonly waiting: WaitingReplies,
    private readonly structured: boolean,
    private readonly server: string,
  ) {}

  /** Takes all that has arrived. @throws ProtocolError */
  run(): void {
    while (this.#step());
  }

  #takeHeader(): boolean {
    if (!this.inbox.require(4)) return false;
    const magic = this.inbox.memory.readUInt32BE(this.inbox.at);
    if (magic === NBD_SIMPLE_REPLY_MAGIC) return this.#takeSimple();
    if (magic === NBD_STRUCTURED_REPLY_MAGIC) return this.#takeStructured();
    throw this.#offence(`a reply with magic 0x${magic.toString(16).padStart(8, '0')}`);
  }

  #takeSimple(): boolean {
    if (!this.inbox.require(SIMPLE_REPLY_LENGTH)) return false;
    const { memory, at } = this.inbox;
    const errno = memory.readUInt32BE(at + 4);
    const cookie = this.#cookie(memory, at + 8);
    const reply = this.#find(cookie);
    this.inbox.skip(SIMPLE_REPLY_LENGTH);
    if (reply.started) throw reply.offence('a simple reply after structured chunks');
    if (this.structured && reply instanceof ReadReply) {
      throw reply.offence('a simple reply, although structured replies were negotiated');
    }
    if (errno !== 0) {
      this.#takeError(reply, errno, '');
    } else if (reply instanceof StatusReply) {
      throw reply.offence('a simple reply without error');
    } else if (reply instanceof ReadReply) {
      const { offset, length } = reply.request;
      reply.beginData(offset, length);
      this.#step = this.#dataStep(reply, length, () => this.#complete(cookie, reply));
      return true;
    }
    this.#complete(cookie, reply);
    return true;
  }

  #takeStructured(): boolean {
    if (!this.inbox.require(STRUCTURED_REPLY_LENGTH)) return false;
    if (!this.structured) {
      throw this.#offence('a structured reply, although none were negotiated');
    }
    const { memory, at } = this.inbox;
    const cookie = this.#cookie(memory, at + 8);
    const chunk: Chunk = {
      cookie,
      done: (memory.readUInt16BE(at + 4) & NBD_REPLY_FLAG_DONE) !== 0,
      type: memory.readUInt16BE(at + 6),
      length: memory.readUInt32BE(at + 16),
      reply: this.#find(cookie),
    };
    this.inbox.skip(STRUCTURED_REPLY_LENGTH);
    chunk.reply.countChunk();
    this.#step = this.#chunkStep(chunk);
    return true;
  }

  #chunkStep(chunk: Chunk): Step {
    const { type, length, done, reply } = chunk;
    if ((type & NBD_REPLY_TYPE_FLAG_ERROR) !== 0) return this.#errorStep(chunk);
    switch (type) {
      case NBD_REPLY_TYPE_NONE:
        if (length !== 0) throw reply.offence(`an empty chunk of ${length} bytes`);
        if (!done) throw reply.offence('an empty chunk that is not the last');
        return () => this.#endChunk(chunk);
      case NBD_REPLY_TYPE_OFFSET_DATA:
        return this.#offsetDataStep(chunk);
      case NBD_REPLY_TYPE_OFFSET_HOLE:
        return this.#holeStep(chunk);
      case NBD_REPLY_TYPE_BLOCK_STATUS:
        return this.#statusStep(chunk);
      default:
        throw reply.offence(`a chunk of unknown type ${type}`);
    }
  }

  #offsetDataStep(chunk: Chunk): Step {
    const reply = this.#readReply(chunk);
    const { length } = chunk;
    if (length <= OFFSET_LENGTH || length - OFFSET_LENGTH > reply.request.length) {
      throw reply.offence(`a data chunk of ${length} bytes`);
    }
    return () => {
      if (!this.inbox.require(OFFSET_LENGTH)) return false;
      reply.beginData(this.#offset(this.inbox.at), length - OFFSET_LENGTH);
      this.inbox.skip(OFFSET_LENGTH);
      this.#step = this.#dataStep(reply, length - OFFSET_LENGTH, () => {
        this.#endChunk(chunk);
      });
      return true;
    };
  }

  #holeStep(chunk: Chunk): Step {
    const reply = this.#readReply(chunk);
    if (chunk.length !== HOLE_LENGTH) throw reply.offence(`a hole chunk of ${chunk.length} bytes`);
    return () => {
      if (!this.inbox.require(HOLE_LENGTH)) return false;
      const { memory, at } = this.inbox;
      const length = memory.readUInt32BE(at + OFFSET_LENGTH);
      if (length === 0) throw reply.offence('a hole without length');
      reply.addHole(this.#offset(at), length);
      this.inbox.skip(HOLE_LENGTH);
      return this.#endChunk(chunk);
    };
  }

  #statusStep(chunk: Chunk): Step {
    const { reply, length } = chunk;
    if (!(reply instanceof StatusReply)) throw reply.offence('extents of a meta context');
    const count = (length - CONTEXT_LENGTH) / EXTENT_LENGTH;
    if (count < 1 || !Number.isInteger(count)) {
      throw reply.offence(`a chunk of extents of ${length} bytes`);
    }
    let left = count;
    const extents = (): boolean => {
      while (left > 0) {
        if (!this.inbox.require(EXTENT_LENGTH)) return false;
        const { memory, at } = this.inbox;
        reply.addExtent(memory.readUInt32BE(at), memory.readUInt32BE(at + 4));
        this.inbox.skip(EXTENT_LENGTH);
        left--;
      }
      return this.#endChunk(chunk);
    };
    return () => {
      if (!this.inbox.require(CONTEXT_LENGTH)) return false;
      reply.begin(this.inbox.memory.readUInt32BE(this.inbox.at), count);
      this.inbox.skip(CONTEXT_LENGTH);
      this.#step = extents;
      return true;
    };
  }

  #errorStep(chunk: Chunk): Step {
    const { reply, type, length } = chunk;
    const withOffset = type === NBD_REPLY_TYPE_ERROR_OFFSET;
    if (length < (withOffset ? ERROR_OFFSET_LENGTH : ERROR_LENGTH) || length > LONGEST_ERROR) {
      throw reply.offence(`an error chunk of ${length} bytes`);
    }
    return () => {
      if (!this.inbox.require(length)) return false;
      const { memory, at } = this.inbox;
      const errno = memory.readUInt32BE(at);
      const textLength = memory.readUInt16BE(at + 4);
      if (errno === 0) throw reply.offence('an error chunk with error number 0');
      const room = length - (withOffset ? ERROR_OFFSET_LENGTH : ERROR_LENGTH);
      if (textLength > Math.min(room, MAXIMUM_STRING)) {
        throw reply.offence(
          `an error chunk of ${length} bytes with a message of ${textLength} bytes`,
        );
      }
      const textEnd = at + ERROR_LENGTH + textLength;
      if (withOffset) reply.checkErrorOffset(this.#offset(textEnd));
      const name = type === NBD_REPLY_TYPE_ERROR || withOffset ? '' : `(error type ${type}) `;
      this.#takeError(reply, errno, name + memory.toString('utf8', at + ERROR_LENGTH, textEnd));
      this.inbox.skip(length);
      return this.#endChunk(chunk);
    };
  }

  /** Passes `length` bytes on to `reply` in the pieces in which they arrive; then calls `end`. */
  #dataStep(reply: ReadReply, length: number, end: () => void): Step {
    let left = length;
    const add = reply.add.bind(reply);
    return () => {
      left -= this.inbox.move(left, add);
      if (left > 0) return false;
      end();
      return true;
    };
  }

  #endChunk(chunk: Chunk): true {
    if (chunk.done) this.#complete(chunk.cookie, chunk.reply);
    this.#step = this.#header;
    return true;
  }

  #complete(cookie: number, reply: Reply): void {
    this.#step = this.#header;
    reply.finish();
    this.waiting.remove(cookie);
  }

  #takeError(reply: Reply, errno: number, text: string): void {
    reply.takeError(errno, text);
    this.waiting.onError(errno);
  }

  #readReply(chunk: Chunk): ReadReply {
    if (chunk.reply instanceof ReadReply) return chunk.reply;
    throw chunk.reply.offence(
      `content, which belongs to ${commandName(NBD_CMD_READ)} and not to ${commandName(chunk.reply.request.command)}`,
    );
  }

  #offset(at: number): number {
    const { memory } = this.inbox;
    return memory.readUInt32BE(at) * 2 ** 32 + memory.readUInt32BE(at + 4);
  }

  #cookie(memory: Buffer, at: number): number {
    const high = memory.readUInt32BE(at);
    const low = memory.readUInt32BE(at + 4);
    return high * 2 ** 32 + low;
  }

  #find(cookie: number): Reply {
    const reply = this.waiting.find(cookie);
    if (reply) return reply;
    throw this.#offence(`a reply with cookie ${cookie}, for which no request waits`);
  }

  #offence(what: string): ProtocolError {
    return new ProtocolError(`${this.server} broke the NBD protocol: ${what}.`);
  }
}
