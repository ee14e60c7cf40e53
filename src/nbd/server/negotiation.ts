/**
 * The handshake as the server has it, from the greeting to the transmission phase (NBD
 * specification, "Newstyle negotiation" and "Fixed newstyle negotiation"):
 *
 *   S greeting        C client flags
 *   C option          S replies, the last of which acknowledges or refuses     any number of times
 *   C NBD_OPT_GO      S NBD_REP_INFO..., NBD_REP_ACK                           or
 *   C NBD_OPT_EXPORT_NAME    S size and flags                                  or
 *   C NBD_OPT_ABORT   S NBD_REP_ACK
 */
import { NbdOptionError, ProtocolError } from '../../base/errors.js';
import {
  MAXIMUM_STRING,
  NBD_FLAG_C_FIXED_NEWSTYLE,
  NBD_FLAG_C_NO_ZEROES,
  NBD_FLAG_FIXED_NEWSTYLE,
  NBD_FLAG_NO_ZEROES,
  NBD_MAGIC,
  NBD_OPT_ABORT,
  NBD_OPT_EXPORT_NAME,
  NBD_OPT_GO,
  NBD_OPT_INFO,
  NBD_OPT_LIST,
  NBD_OPT_LIST_META_CONTEXT,
  NBD_OPT_SET_META_CONTEXT,
  NBD_OPT_STARTTLS,
  NBD_OPT_STRUCTURED_REPLY,
  NBD_OPTS_MAGIC,
  NBD_REP_ACK,
  NBD_REP_ERR_INVALID,
  NBD_REP_ERR_POLICY,
  NBD_REP_ERR_TOO_BIG,
  NBD_REP_ERR_UNKNOWN,
  NBD_REP_ERR_UNSUP,
  NBD_REP_INFO,
  NBD_REP_META_CONTEXT,
  NBD_REP_SERVER,
  GREETING_LENGTH,
  OPTION_HEADER_LENGTH,
  optionName,
} from '../protocol.js';
import { selectContexts } from './meta-contexts.js';
import { quote, type OfferedExport } from './offered-export.js';
import {
  decodeContextRequest,
  decodeInformationRequest,
  decodeString,
  encodeInformation,
  encodeMetaContext,
  encodeOptionReply,
  encodeServer,
  encodeSizeAndFlags,
} from './option-data.js';
import type { OptionIntake } from './option-intake.js';

/** What a handshake asks of the server. */
export interface Exports {
  find(name: string): OfferedExport | undefined;
  all(): readonly OfferedExport[];
  /** The client uses the export from now on. */
  enter(offered: OfferedExport): void;
}

/** What was agreed on. */
export interface Agreement {
  readonly offered: OfferedExport;
  readonly structured: boolean;
  /** Of the meta contexts that were set for this export. */
  readonly contexts: readonly ContextChoice[];
}

export interface ContextChoice {
  readonly id: number;
  readonly name: string;
}

/** Data of one option, in bytes; longer ones are dropped and refused. */
export const MAXIMUM_OPTION_DATA = 256 * 1024;
/** Bytes after the answer to NBD_OPT_EXPORT_NAME unless both sides can do without. */
const RESERVED_ZEROES = 124;
/** Options that take data; the others are invalid with any. */
const WITH_DATA: readonly number[] = [
  NBD_OPT_INFO,
  NBD_OPT_GO,
  NBD_OPT_LIST_META_CONTEXT,
  NBD_OPT_SET_META_CONTEXT,
];
const WITHOUT_DATA: readonly number[] = [NBD_OPT_LIST, NBD_OPT_STARTTLS, NBD_OPT_STRUCTURED_REPLY];

export class Negotiation {
  #fixed = false;
  #noZeroes = false;
  #structured = false;
  #chosen:
    { readonly offered: OfferedExport; readonly contexts: readonly ContextChoice[] } | undefined;

  constructor(
    private readonly intake: OptionIntake,
    private readonly exports: Exports,
    /** How people know the client. */
    private readonly client: string,
  ) {}

  /**
   * Negotiates until the client enters the transmission phase.
   * @returns undefined when it has ended the session in order instead.
   * @throws ProtocolError when the session can't go on, ConnectionLostError when the client left.
   */
  async run(): Promise<Agreement | undefined> {
    await this.#greet();
    for (;;) {
      const header = await this.intake.bytes(OPTION_HEADER_LENGTH);
      const magic = header.readBigUInt64BE(0);
      if (magic !== NBD_OPTS_MAGIC) {
        throw this.#offence(`an option with magic 0x${magic.toString(16)}`);
      }
      const option = header.readUInt32BE(8);
      const length = header.readUInt32BE(12);
      if (option === NBD_OPT_EXPORT_NAME) return this.#exportName(length);
      if (!this.#fixed) throw this.#offence(`${optionName(option)} without fixed newstyle`);
      if (option === NBD_OPT_ABORT) {
        await this.intake.skip(length);
        await this.#reply(option, []);
        return undefined;
      }
      const agreement = await this.#option(option, length);
      if (agreement) return agreement;
    }
  }

  async #greet(): Promise<void> {
    const greeting = Buffer.alloc(GREETING_LENGTH);
    greeting.writeBigUInt64BE(NBD_MAGIC, 0);
    greeting.writeBigUInt64BE(NBD_OPTS_MAGIC, 8);
    greeting.writeUInt16BE(NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES, 16);
    await this.intake.send([greeting]);
    const flags = (await this.intake.bytes(4)).readUInt32BE(0);
    if ((flags & ~(NBD_FLAG_C_FIXED_NEWSTYLE | NBD_FLAG_C_NO_ZEROES)) !== 0) {
      throw this.#offence(`the client flags 0x${flags.toString(16)}`);
    }
    this.#fixed = (flags & NBD_FLAG_C_FIXED_NEWSTYLE) !== 0;
    this.#noZeroes = (flags & NBD_FLAG_C_NO_ZEROES) !== 0;
  }

  /** Answers one option; @returns what was agreed on when it was the last. */
  async #option(option: number, length: number): Promise<Agreement | undefined> {
    const kept = WITH_DATA.includes(option) && length <= MAXIMUM_OPTION_DATA;
    const data = kept ? await this.intake.bytes(length) : undefined;
    if (!kept) await this.intake.skip(length);
    try {
      return await this.#answer(option, length, data);
    } catch (error) {
      if (!(error instanceof NbdOptionError)) throw error;
      const refusal = encodeOptionReply(option, error.replyType, Buffer.from(error.message));
      await this.intake.send([refusal]);
      return undefined;
    }
  }

  async #answer(
    option: number,
    length: number,
    data: Buffer | undefined,
  ): Promise<Agreement | undefined> {
    if (option === NBD_OPT_SET_META_CONTEXT) this.#chosen = undefined;
    if (WITHOUT_DATA.includes(option)) {
      if (length > 0) {
        throw new NbdOptionError(`${optionName(option)} takes no data.`, NBD_REP_ERR_INVALID);
      }
      await this.#answerPlain(option);
      return undefined;
    }
    if (!WITH_DATA.includes(option)) {
      throw new NbdOptionError(
        `This server does not know ${optionName(option)}.`,
        NBD_REP_ERR_UNSUP,
      );
    }
    if (!data) {
      throw new NbdOptionError(
        `${optionName(option)} has ${length} bytes of data; ${MAXIMUM_OPTION_DATA} are the most.`,
        NBD_REP_ERR_TOO_BIG,
      );
    }
    if (option === NBD_OPT_INFO || option === NBD_OPT_GO) return this.#information(option, data);
    await this.#metaContexts(option, data);
    return undefined;
  }

  async #answerPlain(option: number): Promise<void> {
    if (option === NBD_OPT_LIST) {
      const servers = this.exports.all().map(encodeServer);
      await this.#reply(
        option,
        servers.map((server) => encodeOptionReply(option, NBD_REP_SERVER, server)),
      );
    } else if (option === NBD_OPT_STARTTLS) {
      throw new NbdOptionError('This server is configured without TLS.', NBD_REP_ERR_POLICY);
    } else if (this.#structured) {
      throw new NbdOptionError('Structured replies are negotiated already.', NBD_REP_ERR_INVALID);
    } else {
      this.#structured = true;
      await this.#reply(option, []);
    }
  }

  async #information(option: number, data: Buffer): Promise<Agreement | undefined> {
    const { exportName, information } = decodeInformationRequest(option, data);
    const offered = this.#find(exportName);
    const flags = offered.flags(this.#structured);
    const told = encodeInformation(offered, flags, information);
    const entered = option === NBD_OPT_GO;
    if (entered) this.exports.enter(offered);
    await this.#reply(
      option,
      told.map((piece) => encodeOptionReply(option, NBD_REP_INFO, piece)),
    );
    return entered ? this.#agree(offered) : undefined;
  }

  async #metaContexts(option: number, data: Buffer): Promise<void> {
    const setting = option === NBD_OPT_SET_META_CONTEXT;
    if (setting && !this.#structured) {
      throw new NbdOptionError(
        'Structured replies have to be negotiated before meta contexts are set.',
        NBD_REP_ERR_INVALID,
      );
    }
    const { exportName, queries } = decodeContextRequest(option, data);
    const offered = this.#find(exportName);
    const all = offered.metaContexts;
    const contexts = selectContexts(all, queries, setting ? 'set' : 'list').map((name) => ({
      id: setting ? all.indexOf(name) : 0,
      name,
    }));
    if (setting) this.#chosen = { offered, contexts };
    await this.#reply(
      option,
      contexts.map(({ id, name }) =>
        encodeOptionReply(option, NBD_REP_META_CONTEXT, encodeMetaContext(id, name)),
      ),
    );
  }

  /** The way into transmission that can't be refused but by ending the session. */
  async #exportName(length: number): Promise<Agreement> {
    if (length > MAXIMUM_STRING) throw this.#offence(`an export's name of ${length} bytes`);
    const name = decodeString(await this.intake.bytes(length));
    const offered = name === undefined ? undefined : this.exports.find(name);
    if (!offered) {
      throw new ProtocolError(
        `${this.client} asked for the export ${quote(name ?? '?')}, which is not there.`,
      );
    }
    this.exports.enter(offered);
    const answer = encodeSizeAndFlags(offered, offered.flags(this.#structured));
    await this.intake.send(this.#noZeroes ? [answer] : [answer, Buffer.alloc(RESERVED_ZEROES)]);
    return this.#agree(offered);
  }

  #agree(offered: OfferedExport): Agreement {
    const contexts = this.#chosen?.offered === offered ? this.#chosen.contexts : [];
    return { offered, structured: this.#structured, contexts };
  }

  #find(name: string | undefined): OfferedExport {
    const offered = name === undefined ? undefined : this.exports.find(name);
    if (offered) return offered;
    throw new NbdOptionError(
      `There is no export ${quote(name ?? '?')} on this server.`,
      NBD_REP_ERR_UNKNOWN,
    );
  }

  #reply(option: number, replies: readonly Buffer[]): Promise<void> {
    return this.intake.send([...replies, encodeOptionReply(option, NBD_REP_ACK)]);
  }

  #offence(what: string): ProtocolError {
    return new ProtocolError(
      `${this.client} broke the NBD protocol during the handshake: it sent ${what}.`,
    );
  }
}
