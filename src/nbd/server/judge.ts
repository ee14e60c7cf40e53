/** Whether a request can be served, by what the specification says of each command. Pure. */
import {
  commandName,
  DEFAULT_MAXIMUM_PAYLOAD,
  NBD_CMD_BLOCK_STATUS,
  NBD_CMD_CACHE,
  NBD_CMD_FLAG_DF,
  NBD_CMD_FLAG_FAST_ZERO,
  NBD_CMD_FLAG_FUA,
  NBD_CMD_FLAG_NO_HOLE,
  NBD_CMD_FLAG_REQ_ONE,
  NBD_CMD_FLUSH,
  NBD_CMD_READ,
  NBD_CMD_TRIM,
  NBD_CMD_WRITE,
  NBD_CMD_WRITE_ZEROES,
  NBD_EINVAL,
  NBD_ENOSPC,
  NBD_EOVERFLOW,
  NBD_EPERM,
} from '../protocol.js';
import { describeRequest, type Request } from '../request.js';
import type { Agreement } from './negotiation.js';

/** Why a command fails, for the client. */
export interface Failure {
  readonly errno: number;
  readonly message: string;
}

/** Flags beside FUA, which any command may have. */
const FLAGS: ReadonlyMap<number, number> = new Map([
  [NBD_CMD_READ, NBD_CMD_FLAG_DF],
  [NBD_CMD_WRITE, 0],
  [NBD_CMD_FLUSH, 0],
  [NBD_CMD_TRIM, 0],
  [NBD_CMD_CACHE, 0],
  [NBD_CMD_WRITE_ZEROES, NBD_CMD_FLAG_NO_HOLE | NBD_CMD_FLAG_FAST_ZERO],
  [NBD_CMD_BLOCK_STATUS, NBD_CMD_FLAG_REQ_ONE],
]);

const WRITING: readonly number[] = [NBD_CMD_WRITE, NBD_CMD_TRIM, NBD_CMD_WRITE_ZEROES];

/** A write of more bytes is taken for an attack: its data are not even skipped. */
export const LONGEST_SKIPPED = DEFAULT_MAXIMUM_PAYLOAD;

/** The failure of a request that the storage needs not be asked for; undefined when it can be served. */
export function judge(request: Request, agreement: Agreement): Failure | undefined {
  const { offered, structured } = agreement;
  const { command, flags, offset, length } = request;
  const known = FLAGS.get(command);
  if (known === undefined) {
    return { errno: NBD_EINVAL, message: `This server does not know ${commandName(command)}.` };
  }
  const what = describeRequest(request);
  if (offered.readOnly && WRITING.includes(command)) {
    return { errno: NBD_EPERM, message: `${what}: the export is read-only.` };
  }
  const allowed = NBD_CMD_FLAG_FUA | (structured ? known : known & ~NBD_CMD_FLAG_DF);
  if ((flags & ~allowed) !== 0) {
    const message = `${what} can't have the flags 0x${flags.toString(16)}.`;
    return { errno: NBD_EINVAL, message };
  }
  if (command === NBD_CMD_FLUSH) {
    if (offset === 0 && length === 0) return undefined;
    return { errno: NBD_EINVAL, message: 'FLUSH has neither an offset nor a length.' };
  }
  if (command === NBD_CMD_BLOCK_STATUS) {
    if (agreement.contexts.length === 0) {
      return { errno: NBD_EINVAL, message: `${what}: no meta context was negotiated.` };
    }
    if (length === 0) return { errno: NBD_EINVAL, message: 'BLOCK_STATUS needs a length.' };
  }
  return judgeRange(request, agreement);
}

function judgeRange(request: Request, { offered, structured }: Agreement): Failure | undefined {
  const { command, offset, length } = request;
  const { size } = offered;
  const { minimumBlock, maximumPayload } = offered.constraints;
  const what = describeRequest(request);
  if ((command === NBD_CMD_READ || command === NBD_CMD_WRITE) && length > maximumPayload) {
    const errno = structured && command === NBD_CMD_READ ? NBD_EOVERFLOW : NBD_EINVAL;
    return { errno, message: `${what} is longer than ${maximumPayload} bytes.` };
  }
  if (offset > size || length > size - offset) {
    const grows = command === NBD_CMD_WRITE || command === NBD_CMD_WRITE_ZEROES;
    const errno = grows ? NBD_ENOSPC : NBD_EINVAL;
    return { errno, message: `${what} is out of range: the export has ${size} bytes.` };
  }
  if (offset % minimumBlock !== 0 || length % minimumBlock !== 0) {
    const message = `${what} is not aligned to the minimum block of ${minimumBlock} bytes.`;
    return { errno: NBD_EINVAL, message };
  }
  return undefined;
}
