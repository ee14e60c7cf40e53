/** QEMU's words for a socket that can't be listened on. */
import { messageOf } from '../../base/errors.js';
import type { QmpCommandError } from '../../base/errors.js';
import { refusal } from '../qmp/index.js';
import type { SocketAddress } from './types.js';

const words: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EACCES: 'Permission denied',
  ENOENT: 'No such file or directory',
  ENAMETOOLONG: 'File name too long',
};

/** @param error with the operating system's `code`. */
export function listenError(address: SocketAddress, error: unknown): QmpCommandError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = words[code] ?? messageOf(error);
  if (address.type === 'unix') {
    return refusal(`Failed to bind socket to ${address.data.path}: ${reason}`);
  }
  const inUse = code === 'EADDRINUSE';
  return refusal(`Failed to ${inUse ? 'find an available port' : 'bind socket'}: ${reason}`);
}
