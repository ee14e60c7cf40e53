/**
 * The handshake (NBD specification, "Fixed newstyle negotiation"): reached as soon as a
 * connection stands, since the server speaks first.
 *
 *   greeting → NBD_OPT_STRUCTURED_REPLY → NBD_OPT_SET_META_CONTEXT → NBD_OPT_GO
 *
 * What a server refuses is done without where that is possible: simple replies instead of
 * structured ones, fewer meta contexts, NBD_OPT_EXPORT_NAME instead of NBD_OPT_GO. When NBD_OPT_GO
 * is refused for good the session is given up with NBD_OPT_ABORT.
 */
import type { Clock } from '../base/clock.js';
import { messageOf, NbdOptionError, ProtocolError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { DEFAULT_CONSTRAINTS, exportInfo } from './limits.js';
import type { OptionChannel, OptionReply } from './option-channel.js';
import {
  decodeInformation,
  decodeMetaContext,
  encodeGo,
  encodeMetaContexts,
  encodeOption,
  offence,
} from './options.js';
import {
  GREETING_LENGTH,
  MAXIMUM_STRING,
  NBD_FLAG_C_FIXED_NEWSTYLE,
  NBD_FLAG_C_NO_ZEROES,
  NBD_FLAG_FIXED_NEWSTYLE,
  NBD_FLAG_NO_ZEROES,
  NBD_INFO_BLOCK_SIZE,
  NBD_MAGIC,
  NBD_OLDSTYLE_MAGIC,
  NBD_OPT_ABORT,
  NBD_OPT_EXPORT_NAME,
  NBD_OPT_GO,
  NBD_OPT_SET_META_CONTEXT,
  NBD_OPT_STRUCTURED_REPLY,
  NBD_OPTS_MAGIC,
  NBD_REP_ACK,
  NBD_REP_ERR_SHUTDOWN,
  NBD_REP_ERR_TLS_REQD,
  NBD_REP_ERR_UNKNOWN,
  NBD_REP_ERR_UNSUP,
  NBD_REP_INFO,
  NBD_REP_META_CONTEXT,
  optionName,
  optionReplyName,
} from './protocol.js';
import { listExports, refusal, type Refused } from './refusal.js';
import type { ExportInfo } from './types.js';

/** What is asked of a server. */
export interface HandshakeRequest {
  readonly exportName: string;
  /** Names of meta contexts; the server may grant fewer. */
  readonly metaContexts: readonly string[];
  /** Whether to ask for structured replies. */
  readonly structuredReplies: boolean;
}

/** What was agreed on. */
export interface HandshakeResult {
  readonly info: ExportInfo;
  /** The ids of the granted meta contexts, by name. */
  readonly contexts: ReadonlyMap<string, number>;
}

/** No server needs more replies than this to one option. */
const MOST_REPLIES = 256;
/** Bytes after the reply to NBD_OPT_EXPORT_NAME unless NBD_FLAG_C_NO_ZEROES was agreed on. */
const RESERVED_ZEROES = 124;
/** How long to wait for answers once the session is given up, in milliseconds. */
const PATIENCE = 1000;

export class Handshake {
  #noZeroes = false;

  constructor(
    private readonly channel: OptionChannel,
    private readonly request: HandshakeRequest,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /**
   * Negotiates up to the transmission phase.
   * @throws NbdOptionError when the server refuses the export.
   * @throws ProtocolError, ConnectionLostError, LimitError
   */
  async run(): Promise<HandshakeResult> {
    try {
      await this.#greet();
      const structured = this.request.structuredReplies && (await this.#askStructuredReplies());
      const contexts = structured ? await this.#askMetaContexts() : new Map<string, number>();
      const info = await this.#go(structured, [...contexts.keys()]);
      return { info, contexts };
    } catch (error) {
      if (error instanceof NbdOptionError) await this.#abort();
      throw error;
    }
  }

  async #greet(): Promise<void> {
    const { server } = this.channel;
    const greeting = await this.channel.bytes(GREETING_LENGTH);
    if (greeting.readBigUInt64BE(0) !== NBD_MAGIC) {
      throw offence(server, `it greets with ${JSON.stringify(greeting.toString('latin1', 0, 8))}`);
    }
    const style = greeting.readBigUInt64BE(8);
    const flags = greeting.readUInt16BE(16);
    if (style === NBD_OLDSTYLE_MAGIC) throw tooOld(server, 'oldstyle');
    if (style !== NBD_OPTS_MAGIC) {
      throw offence(server, `it greets with the second magic 0x${style.toString(16)}`);
    }
    if ((flags & NBD_FLAG_FIXED_NEWSTYLE) === 0) throw tooOld(server, 'newstyle that is not fixed');
    this.#noZeroes = (flags & NBD_FLAG_NO_ZEROES) !== 0;
    const answer = Buffer.alloc(4);
    answer.writeUInt32BE(NBD_FLAG_C_FIXED_NEWSTYLE | (this.#noZeroes ? NBD_FLAG_C_NO_ZEROES : 0));
    this.channel.send(answer);
  }

  async #askStructuredReplies(): Promise<boolean> {
    const reply = await this.channel.ask(NBD_OPT_STRUCTURED_REPLY, undefined);
    return this.#granted(NBD_OPT_STRUCTURED_REPLY, reply);
  }

  async #askMetaContexts(): Promise<Map<string, number>> {
    const { exportName, metaContexts } = this.request;
    const contexts = new Map<string, number>();
    if (metaContexts.length === 0) return contexts;
    const data = encodeMetaContexts(exportName, metaContexts);
    const final = await this.channel.ask(NBD_OPT_SET_META_CONTEXT, data, (reply) =>
      this.#takeMetaContext(reply, contexts),
    );
    return this.#granted(NBD_OPT_SET_META_CONTEXT, final) ? contexts : new Map<string, number>();
  }

  #takeMetaContext(reply: OptionReply, contexts: Map<string, number>): void {
    const { server } = this.channel;
    if (reply.type !== NBD_REP_META_CONTEXT)
      throw this.#unexpected(NBD_OPT_SET_META_CONTEXT, reply);
    const { id, name } = decodeMetaContext(reply.data, server);
    const text = JSON.stringify(name);
    if (!this.request.metaContexts.includes(name)) {
      throw offence(server, `the meta context ${text}, which was not asked for`);
    }
    if (contexts.has(name)) throw offence(server, `the meta context ${text} twice`);
    if ([...contexts.values()].includes(id)) {
      throw offence(server, `the id ${id} for two meta contexts`);
    }
    contexts.set(name, id);
  }

  async #go(structuredReplies: boolean, metaContexts: readonly string[]): Promise<ExportInfo> {
    const { server } = this.channel;
    let stated: { size: bigint; flags: number } | undefined;
    let constraints = DEFAULT_CONSTRAINTS;
    let replies = 0;
    const data = encodeGo(this.request.exportName, [NBD_INFO_BLOCK_SIZE]);
    const final = await this.channel.ask(NBD_OPT_GO, data, (reply) => {
      if (reply.type !== NBD_REP_INFO) throw this.#unexpected(NBD_OPT_GO, reply);
      if (++replies > MOST_REPLIES) throw offence(server, `${replies} replies to NBD_OPT_GO`);
      const information = decodeInformation(reply.data, server);
      if (information?.type === 'export') stated = information;
      if (information?.type === 'block-size') constraints = information.constraints;
    });
    if (final.type === NBD_REP_ERR_UNSUP) {
      stated = await this.#exportName();
      constraints = DEFAULT_CONSTRAINTS;
    } else if (final.type !== NBD_REP_ACK) {
      const { exportName } = this.request;
      throw await this.#refused({ option: NBD_OPT_GO, reply: final, exportName });
    }
    if (!stated) throw offence(server, 'NBD_OPT_GO acknowledged without NBD_INFO_EXPORT');
    return exportInfo({ ...stated, constraints, structuredReplies, metaContexts }, server);
  }

  /** The older way into transmission; a server that refuses the export can only hang up. */
  async #exportName(): Promise<{ size: bigint; flags: number }> {
    this.logger.log(
      'debug',
      `${this.channel.server} has no NBD_OPT_GO; using NBD_OPT_EXPORT_NAME.`,
    );
    this.channel.send(encodeOption(NBD_OPT_EXPORT_NAME, Buffer.from(this.request.exportName)));
    const reply = await this.channel.bytes(10 + (this.#noZeroes ? 0 : RESERVED_ZEROES));
    return { size: reply.readBigUInt64BE(0), flags: reply.readUInt16BE(8) };
  }

  /**
   * Whether an option was granted; a refusal that would meet every other option too is thrown.
   * @throws NbdOptionError
   */
  #granted(option: number, reply: OptionReply): boolean {
    if (reply.type === NBD_REP_ACK) return true;
    const { server } = this.channel;
    const text = reply.data.toString('utf8', 0, MAXIMUM_STRING);
    this.logger.log(
      'debug',
      `${server} refused ${optionName(option)} with ${optionReplyName(reply.type)}: ${text}`,
    );
    if (reply.type === NBD_REP_ERR_TLS_REQD || reply.type === NBD_REP_ERR_SHUTDOWN) {
      throw refusal(server, { option, reply, exportName: this.request.exportName });
    }
    return false;
  }

  #unexpected(option: number, reply: OptionReply): ProtocolError {
    const name = `${optionReplyName(reply.type)} to ${optionName(option)}`;
    return offence(this.channel.server, name);
  }

  /** The error for a refused NBD_OPT_GO, with the names of the exports that are there instead. */
  async #refused(refused: Refused): Promise<NbdOptionError> {
    const { server } = this.channel;
    if (refused.reply.type !== NBD_REP_ERR_UNKNOWN) return refusal(server, refused);
    const exports = await this.#patiently(listExports(this.channel));
    return refusal(server, exports ? { ...refused, exports } : refused);
  }

  /** Tells the server that nothing follows. It may hang up without an answer ("NBD_OPT_ABORT"). */
  async #abort(): Promise<void> {
    if (!this.channel.asking) await this.#patiently(this.channel.ask(NBD_OPT_ABORT, undefined));
    this.channel.wire.destroy();
  }

  /** What `answer` resolves to, or undefined when it fails or takes too long: it is only a courtesy. */
  async #patiently<T>(answer: Promise<T>): Promise<T | undefined> {
    const patience = new AbortController();
    const answered = answer.catch((error: unknown) => {
      this.logger.log('debug', messageOf(error));
      return undefined;
    });
    const waited = this.clock.sleep(PATIENCE, patience.signal).catch(() => undefined);
    const first = await Promise.race([answered, waited]);
    patience.abort();
    return first ?? undefined;
  }
}

function tooOld(server: string, style: string): ProtocolError {
  return new ProtocolError(`${server} speaks only the ${style} handshake of NBD.`, {
    hint: 'Use a server that speaks fixed newstyle: qemu-nbd, nbdkit, or nbd-server since 3.10.',
  });
}
