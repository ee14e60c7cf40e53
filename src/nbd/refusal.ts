/** What to tell a person when a server refuses an option of the handshake. */
import { NbdOptionError } from '../base/errors.js';
import type { OptionChannel, OptionReply } from './option-channel.js';
import { decodeServer, offence } from './options.js';
import {
  MAXIMUM_STRING,
  NBD_OPT_LIST,
  NBD_REP_ACK,
  NBD_REP_ERR_BLOCK_SIZE_REQD,
  NBD_REP_ERR_INVALID,
  NBD_REP_ERR_PLATFORM,
  NBD_REP_ERR_POLICY,
  NBD_REP_ERR_SHUTDOWN,
  NBD_REP_ERR_TLS_REQD,
  NBD_REP_ERR_TOO_BIG,
  NBD_REP_ERR_UNKNOWN,
  NBD_REP_SERVER,
  optionName,
  optionReplyName,
} from './protocol.js';

/** Names of exports that a hint has room for. */
const NAMES_IN_HINT = 16;
/** Exports in a list after which it is given up. */
const MOST_EXPORTS = 10_000;

/** What was refused, and for which export. */
export interface Refused {
  readonly option: number;
  readonly reply: OptionReply;
  readonly exportName: string;
  /** Names of the exports that are there, as far as they are known. */
  readonly exports?: readonly string[];
}

/** The error that says so, with a hint for each kind of refusal. */
export function refusal(server: string, refused: Refused): NbdOptionError {
  const { option, reply } = refused;
  const text = reply.data.toString('utf8', 0, MAXIMUM_STRING);
  const said = text === '' ? '' : `: ${text}`;
  return new NbdOptionError(
    `${server} refused ${optionName(option)} with ${optionReplyName(reply.type)}${said}`,
    reply.type,
    { hint: hintFor(refused) },
  );
}

function hintFor({ reply, exportName, exports }: Refused): string {
  switch (reply.type) {
    case NBD_REP_ERR_UNKNOWN:
      return `There is no export ${JSON.stringify(exportName)}. ${exportsThere(exports)}`;
    case NBD_REP_ERR_TLS_REQD:
      return 'The server wants TLS, which Migrascope does not speak: export the disk without TLS on a unix socket, and reach it through ssh.';
    case NBD_REP_ERR_POLICY:
      return "The server's configuration forbids it; check whom it allows, and to which exports.";
    case NBD_REP_ERR_SHUTDOWN:
      return 'The server is shutting down; start it again.';
    case NBD_REP_ERR_BLOCK_SIZE_REQD:
      return 'The server insists on block sizes although they were asked for; update it.';
    case NBD_REP_ERR_PLATFORM:
      return 'The server was built without what this needs, or its platform lacks it.';
    case NBD_REP_ERR_INVALID:
      return 'The server takes the request for invalid; check the name of the export.';
    case NBD_REP_ERR_TOO_BIG:
      return "The server takes the request for too large; check the length of the export's name.";
    default:
      return "The server's own log may say why.";
  }
}

function exportsThere(exports: readonly string[] | undefined): string {
  if (!exports) return 'The server does not tell which there are.';
  if (exports.length === 0) return 'The server lists none.';
  const names = exports.slice(0, NAMES_IN_HINT).map((name) => JSON.stringify(name));
  const more = exports.length - names.length;
  return `Exports there: ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`;
}

/**
 * Asks for the names of the exports (NBD_OPT_LIST).
 * @returns undefined when the server does not tell.
 * @throws ProtocolError, ConnectionLostError
 */
export async function listExports(channel: OptionChannel): Promise<string[] | undefined> {
  const names: string[] = [];
  const final = await channel.ask(NBD_OPT_LIST, undefined, (reply) => {
    if (reply.type !== NBD_REP_SERVER) {
      throw offence(channel.server, `${optionReplyName(reply.type)} to NBD_OPT_LIST`);
    }
    if (names.length === MOST_EXPORTS) {
      throw offence(channel.server, `a list of more than ${MOST_EXPORTS} exports`);
    }
    names.push(decodeServer(reply.data, channel.server));
  });
  return final.type === NBD_REP_ACK ? names : undefined;
}
