/**
 * Constants of the NBD protocol, shared by client and server. Names are the specification's own
 * (doc/proto.md of NetworkBlockDevice/nbd); each group says in which section it is defined.
 *
 * A connection, as this project speaks it (fixed newstyle; all numbers big-endian):
 *
 *   handshake      S greeting                 C client flags
 *                  C option ...               S option reply(s) ...        one option at a time
 *                  C NBD_OPT_GO               S NBD_REP_INFO..., NBD_REP_ACK
 *   transmission   C request [data]           S simple reply [data], or structured reply chunks,
 *                  many at once, in any order
 *                  C NBD_CMD_DISC             S closes
 *
 * The protocol has no version number: both sides negotiate options, and neither uses what the
 * other did not offer. Unknown handshake, transmission and reply flags are ignored.
 */

/** "Newstyle negotiation": the first eight bytes of every server, ASCII `NBDMAGIC`. */
export const NBD_MAGIC = 0x4e42444d41474943n;
/** "Newstyle negotiation": ASCII `IHAVEOPT`; the next eight of a newstyle server, and of every option. */
export const NBD_OPTS_MAGIC = 0x49484156454f5054n;
/** "Oldstyle negotiation": the next eight of an oldstyle server. */
export const NBD_OLDSTYLE_MAGIC = 0x00420281861253n;
/** "Fixed newstyle negotiation": the first eight bytes of every option reply. */
export const NBD_REP_MAGIC = 0x0003e889045565a9n;

/** "Handshake flags", from the server. */
export const NBD_FLAG_FIXED_NEWSTYLE = 1 << 0;
export const NBD_FLAG_NO_ZEROES = 1 << 1;
/** "Client flags". */
export const NBD_FLAG_C_FIXED_NEWSTYLE = 1 << 0;
export const NBD_FLAG_C_NO_ZEROES = 1 << 1;

/** "Option types". */
export const NBD_OPT_EXPORT_NAME = 1;
export const NBD_OPT_ABORT = 2;
export const NBD_OPT_LIST = 3;
export const NBD_OPT_STARTTLS = 5;
export const NBD_OPT_INFO = 6;
export const NBD_OPT_GO = 7;
export const NBD_OPT_STRUCTURED_REPLY = 8;
export const NBD_OPT_LIST_META_CONTEXT = 9;
export const NBD_OPT_SET_META_CONTEXT = 10;

/** "Option reply types". Errors have bit 31 set. */
export const NBD_REP_ACK = 1;
export const NBD_REP_SERVER = 2;
export const NBD_REP_INFO = 3;
export const NBD_REP_META_CONTEXT = 4;
export const NBD_REP_FLAG_ERROR = 2 ** 31;
export const NBD_REP_ERR_UNSUP = NBD_REP_FLAG_ERROR + 1;
export const NBD_REP_ERR_POLICY = NBD_REP_FLAG_ERROR + 2;
export const NBD_REP_ERR_INVALID = NBD_REP_FLAG_ERROR + 3;
export const NBD_REP_ERR_PLATFORM = NBD_REP_FLAG_ERROR + 4;
export const NBD_REP_ERR_TLS_REQD = NBD_REP_FLAG_ERROR + 5;
export const NBD_REP_ERR_UNKNOWN = NBD_REP_FLAG_ERROR + 6;
export const NBD_REP_ERR_SHUTDOWN = NBD_REP_FLAG_ERROR + 7;
export const NBD_REP_ERR_BLOCK_SIZE_REQD = NBD_REP_FLAG_ERROR + 8;
export const NBD_REP_ERR_TOO_BIG = NBD_REP_FLAG_ERROR + 9;

/** "Option reply types", `NBD_REP_INFO`: the information types. */
export const NBD_INFO_EXPORT = 0;
export const NBD_INFO_NAME = 1;
export const NBD_INFO_DESCRIPTION = 2;
export const NBD_INFO_BLOCK_SIZE = 3;

/** "Transmission flags". */
export const NBD_FLAG_HAS_FLAGS = 1 << 0;
export const NBD_FLAG_READ_ONLY = 1 << 1;
export const NBD_FLAG_SEND_FLUSH = 1 << 2;
export const NBD_FLAG_SEND_FUA = 1 << 3;
export const NBD_FLAG_ROTATIONAL = 1 << 4;
export const NBD_FLAG_SEND_TRIM = 1 << 5;
export const NBD_FLAG_SEND_WRITE_ZEROES = 1 << 6;
export const NBD_FLAG_SEND_DF = 1 << 7;
export const NBD_FLAG_CAN_MULTI_CONN = 1 << 8;
export const NBD_FLAG_SEND_CACHE = 1 << 10;
export const NBD_FLAG_SEND_FAST_ZERO = 1 << 11;

/** "Request message". */
export const NBD_REQUEST_MAGIC = 0x25609513;
/** "Simple reply message". */
export const NBD_SIMPLE_REPLY_MAGIC = 0x67446698;
/** "Structured reply chunk message". */
export const NBD_STRUCTURED_REPLY_MAGIC = 0x668e33ef;

/** Lengths of the fixed parts of messages, in bytes. */
export const GREETING_LENGTH = 18;
export const OPTION_HEADER_LENGTH = 16;
export const OPTION_REPLY_HEADER_LENGTH = 20;
export const REQUEST_LENGTH = 28;
export const SIMPLE_REPLY_LENGTH = 16;
export const STRUCTURED_REPLY_LENGTH = 20;

/** "Request types". */
export const NBD_CMD_READ = 0;
export const NBD_CMD_WRITE = 1;
export const NBD_CMD_DISC = 2;
export const NBD_CMD_FLUSH = 3;
export const NBD_CMD_TRIM = 4;
export const NBD_CMD_CACHE = 5;
export const NBD_CMD_WRITE_ZEROES = 6;
export const NBD_CMD_BLOCK_STATUS = 7;

/** "Command flags". */
export const NBD_CMD_FLAG_FUA = 1 << 0;
export const NBD_CMD_FLAG_NO_HOLE = 1 << 1;
export const NBD_CMD_FLAG_DF = 1 << 2;
export const NBD_CMD_FLAG_REQ_ONE = 1 << 3;
export const NBD_CMD_FLAG_FAST_ZERO = 1 << 4;

/** "Structured reply flags". */
export const NBD_REPLY_FLAG_DONE = 1 << 0;

/** "Structured reply types". Errors have bit 15 set. */
export const NBD_REPLY_TYPE_NONE = 0;
export const NBD_REPLY_TYPE_OFFSET_DATA = 1;
export const NBD_REPLY_TYPE_OFFSET_HOLE = 2;
export const NBD_REPLY_TYPE_BLOCK_STATUS = 5;
export const NBD_REPLY_TYPE_FLAG_ERROR = 1 << 15;
export const NBD_REPLY_TYPE_ERROR = NBD_REPLY_TYPE_FLAG_ERROR + 1;
export const NBD_REPLY_TYPE_ERROR_OFFSET = NBD_REPLY_TYPE_FLAG_ERROR + 2;

/** "Error values". */
export const NBD_EPERM = 1;
export const NBD_EIO = 5;
export const NBD_ENOMEM = 12;
export const NBD_EINVAL = 22;
export const NBD_ENOSPC = 28;
export const NBD_EOVERFLOW = 75;
export const NBD_ENOTSUP = 95;
export const NBD_ESHUTDOWN = 108;

/** "Metadata querying": the one context that the specification defines, and its flags. */
export const BASE_ALLOCATION = 'base:allocation';
export const NBD_STATE_HOLE = 1 << 0;
export const NBD_STATE_ZERO = 1 << 1;
/** QEMU's documentation, docs/interop/nbd.txt: `qemu:dirty-bitmap:NAME` has this flag where the bitmap is set. */
export const QEMU_DIRTY_BITMAP_PREFIX = 'qemu:dirty-bitmap:';
export const NBD_STATE_DIRTY = 1 << 0;

/** "Conventions": no string is longer, in bytes of UTF-8. */
export const MAXIMUM_STRING = 4096;
/** "Structured reply types": no server should send more extents in one `NBD_REPLY_TYPE_BLOCK_STATUS`. */
export const MAXIMUM_STATUS_EXTENTS = 2 ** 20;
/** "Request types", `NBD_CMD_READ`: a server must not refuse `NBD_CMD_FLAG_DF` up to this length. */
export const MAXIMUM_UNFRAGMENTED = 65_536;

/** "Size constraints": what holds when a server states none, in bytes. */
export const DEFAULT_MINIMUM_BLOCK = 1;
export const DEFAULT_PREFERRED_BLOCK = 4096;
/** "Size constraints": no peer takes a payload up to this length for an attack. */
export const DEFAULT_MAXIMUM_PAYLOAD = 2 ** 25;
/** "Size constraints": the largest minimum block that a server may state. */
export const LARGEST_MINIMUM_BLOCK = 2 ** 16;
/** "Size constraints": the smallest preferred block that a server may state. */
export const SMALLEST_PREFERRED_BLOCK = 512;

/** NBD URI specification, "NBD URI authority": the port that IANA assigned. */
export const NBD_DEFAULT_PORT = 10_809;

const OPTION_NAMES: Readonly<Record<number, string>> = {
  [NBD_OPT_EXPORT_NAME]: 'NBD_OPT_EXPORT_NAME',
  [NBD_OPT_ABORT]: 'NBD_OPT_ABORT',
  [NBD_OPT_LIST]: 'NBD_OPT_LIST',
  [NBD_OPT_STARTTLS]: 'NBD_OPT_STARTTLS',
  [NBD_OPT_INFO]: 'NBD_OPT_INFO',
  [NBD_OPT_GO]: 'NBD_OPT_GO',
  [NBD_OPT_STRUCTURED_REPLY]: 'NBD_OPT_STRUCTURED_REPLY',
  [NBD_OPT_LIST_META_CONTEXT]: 'NBD_OPT_LIST_META_CONTEXT',
  [NBD_OPT_SET_META_CONTEXT]: 'NBD_OPT_SET_META_CONTEXT',
};

const OPTION_REPLY_NAMES: Readonly<Record<number, string>> = {
  [NBD_REP_ACK]: 'NBD_REP_ACK',
  [NBD_REP_SERVER]: 'NBD_REP_SERVER',
  [NBD_REP_INFO]: 'NBD_REP_INFO',
  [NBD_REP_META_CONTEXT]: 'NBD_REP_META_CONTEXT',
  [NBD_REP_ERR_UNSUP]: 'NBD_REP_ERR_UNSUP',
  [NBD_REP_ERR_POLICY]: 'NBD_REP_ERR_POLICY',
  [NBD_REP_ERR_INVALID]: 'NBD_REP_ERR_INVALID',
  [NBD_REP_ERR_PLATFORM]: 'NBD_REP_ERR_PLATFORM',
  [NBD_REP_ERR_TLS_REQD]: 'NBD_REP_ERR_TLS_REQD',
  [NBD_REP_ERR_UNKNOWN]: 'NBD_REP_ERR_UNKNOWN',
  [NBD_REP_ERR_SHUTDOWN]: 'NBD_REP_ERR_SHUTDOWN',
  [NBD_REP_ERR_BLOCK_SIZE_REQD]: 'NBD_REP_ERR_BLOCK_SIZE_REQD',
  [NBD_REP_ERR_TOO_BIG]: 'NBD_REP_ERR_TOO_BIG',
};

const COMMAND_NAMES: Readonly<Record<number, string>> = {
  [NBD_CMD_READ]: 'READ',
  [NBD_CMD_WRITE]: 'WRITE',
  [NBD_CMD_DISC]: 'DISC',
  [NBD_CMD_FLUSH]: 'FLUSH',
  [NBD_CMD_TRIM]: 'TRIM',
  [NBD_CMD_CACHE]: 'CACHE',
  [NBD_CMD_WRITE_ZEROES]: 'WRITE_ZEROES',
  [NBD_CMD_BLOCK_STATUS]: 'BLOCK_STATUS',
};

const ERROR_NAMES: Readonly<Record<number, string>> = {
  [NBD_EPERM]: 'NBD_EPERM',
  [NBD_EIO]: 'NBD_EIO',
  [NBD_ENOMEM]: 'NBD_ENOMEM',
  [NBD_EINVAL]: 'NBD_EINVAL',
  [NBD_ENOSPC]: 'NBD_ENOSPC',
  [NBD_EOVERFLOW]: 'NBD_EOVERFLOW',
  [NBD_ENOTSUP]: 'NBD_ENOTSUP',
  [NBD_ESHUTDOWN]: 'NBD_ESHUTDOWN',
};

/** The specification's name of an option, for messages. */
export function optionName(option: number): string {
  return OPTION_NAMES[option] ?? `option ${option}`;
}

/** The specification's name of an option reply type, for messages. */
export function optionReplyName(type: number): string {
  return OPTION_REPLY_NAMES[type] ?? `reply type 0x${type.toString(16)}`;
}

/** A command's name without its prefix, for messages. */
export function commandName(command: number): string {
  return COMMAND_NAMES[command] ?? `command ${command}`;
}

/** The specification's name of an error value, for messages. */
export function errorName(errno: number): string {
  return ERROR_NAMES[errno] ?? `error ${errno}`;
}
