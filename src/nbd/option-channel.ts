/**
 * Asking and answering during the handshake: one option at a time, each with one final reply
 * (NBD specification, "Fixed newstyle negotiation").
 */
import { ConnectionLostError } from '../base/errors.js';
import { encodeOption, offence } from './options.js';
import {
  MAXIMUM_STRING,
  NBD_REP_ACK,
  NBD_REP_FLAG_ERROR,
  NBD_REP_MAGIC,
  OPTION_REPLY_HEADER_LENGTH,
  optionName,
  optionReplyName,
} from './protocol.js';
import type { Wire } from './wire.js';

/** No honest reply is longer: a name, a description and some fields. */
const LONGEST_REPLY = 2 * MAXIMUM_STRING + 64;
/** Bytes that may lie unread: more than a server can honestly have sent by itself. */
const LONGEST_BACKLOG = 4 * 2 ** 20;

/** One reply to an option. */
export interface OptionReply {
  /** One of `NBD_REP_…`. */
  readonly type: number;
  readonly data: Buffer;
}

export class OptionChannel {
  /** Whether an option has been sent whose final reply has not come. */
  asking = false;
  #failure: Error | undefined;
  #wanted:
    { count: number; resolve: (bytes: Buffer) => void; reject: (error: Error) => void } | undefined;

  constructor(
    readonly wire: Wire,
    /** How people know the server. */
    readonly server: string,
  ) {
    wire.inbox.onArrival = () => this.#serve();
    wire.onLost = (cause) => this.fail(lost(server, cause));
    if (wire.lost) this.fail(lost(server, undefined));
  }

  /** Ends the channel: what waits, and whatever is asked later, rejects with `error`. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wanted?.reject(this.#failure);
    this.#wanted = undefined;
    this.wire.destroy();
  }

  /** The next `count` bytes. @throws ConnectionLostError */
  bytes(count: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      this.#wanted = { count, resolve, reject };
      this.#serve();
    });
  }

  send(bytes: Uint8Array): void {
    this.wire.send(bytes);
  }

  /**
   * Sends an option and reads its replies up to the final one, which is returned: an
   * acknowledgement or a refusal. Each reply before it is given to `onReply`.
   * @throws ProtocolError, ConnectionLostError
   */
  async ask(
    option: number,
    data: Uint8Array | undefined,
    onReply: (reply: OptionReply) => void = (reply) => {
      throw offence(this.server, `${optionReplyName(reply.type)} to ${optionName(option)}`);
    },
  ): Promise<OptionReply> {
    this.asking = true;
    this.send(encodeOption(option, data));
    for (;;) {
      const reply = await this.#reply(option);
      if (reply.type === NBD_REP_ACK || reply.type >= NBD_REP_FLAG_ERROR) {
        this.asking = false;
        return reply;
      }
      onReply(reply);
    }
  }

  async #reply(option: number): Promise<OptionReply> {
    const header = await this.bytes(OPTION_REPLY_HEADER_LENGTH);
    const magic = header.readBigUInt64BE(0);
    if (magic !== NBD_REP_MAGIC) {
      throw offence(this.server, `an option reply with magic 0x${magic.toString(16)}`);
    }
    const answered = header.readUInt32BE(8);
    if (answered !== option) {
      throw offence(
        this.server,
        `a reply to ${optionName(answered)} instead of ${optionName(option)}`,
      );
    }
    const type = header.readUInt32BE(12);
    const length = header.readUInt32BE(16);
    const name = `${optionReplyName(type)} to ${optionName(option)}`;
    if (length > LONGEST_REPLY) throw offence(this.server, `${name} of ${length} bytes`);
    if (type === NBD_REP_ACK && length !== 0) throw offence(this.server, `${name} with data`);
    return { type, data: length === 0 ? Buffer.alloc(0) : await this.bytes(length) };
  }

  #serve(): void {
    const { inbox } = this.wire;
    const wanted = this.#wanted;
    if (wanted && inbox.require(wanted.count)) {
      const bytes = Buffer.from(inbox.memory.subarray(inbox.at, inbox.at + wanted.count));
      inbox.skip(wanted.count);
      this.#wanted = undefined;
      wanted.resolve(bytes);
    } else if (inbox.length > LONGEST_BACKLOG) {
      this.fail(offence(this.server, `${inbox.length} bytes that were not asked for`));
    }
  }
}

function lost(server: string, cause: Error | undefined): ConnectionLostError {
  return new ConnectionLostError(`${server} ended the connection during the handshake.`, {
    ...(cause ? { cause } : {}),
    hint: 'Check that an NBD server listens there, and whether its own log says why.',
  });
}
