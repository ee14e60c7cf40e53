/** Reads a workload's description from a file. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { messageOf, UsageError } from '../../base/errors.js';
import type { WorkloadDescription } from './description.generated.js';
import { parseWorkload } from './parse.js';

/** The most bytes of a file. */
const LARGEST_FILE = 1024 ** 2;

/** Opens for reading; a pipe that nobody writes to must not hold us. Windows has no such flag. */
const NEVER_WAITING = constants.O_RDONLY | ('O_NONBLOCK' in constants ? constants.O_NONBLOCK : 0);

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is not a folder',
  EACCES: 'it may not be read by you',
  EPERM: 'it may not be read by you',
  EISDIR: 'it is a folder',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'the path is too long',
  ERR_INVALID_ARG_VALUE: 'the path has a character that no path can have',
};

function refusal(path: string, reason: string, cause?: unknown): UsageError {
  return new UsageError(`The workload ${path} can't be read: ${reason}.`, {
    cause,
    hint: 'Give the path of a file with a description; protocol/WORKLOAD.md says how one is written.',
  });
}

async function readAll(file: FileHandle, path: string): Promise<string> {
  const status = await file.stat();
  if (status.isDirectory()) throw refusal(path, 'it is a folder');
  if (!status.isFile()) throw refusal(path, 'it is not a plain file');
  const buffer = Buffer.alloc(LARGEST_FILE + 1);
  let length = 0;
  for (let got = -1; got !== 0 && length < buffer.length; length += got) {
    ({ bytesRead: got } = await file.read(buffer, length, buffer.length - length));
  }
  if (length > LARGEST_FILE) throw refusal(path, 'it is larger than 1 MiB');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } catch (error) {
    throw refusal(path, 'it is not UTF-8 text', error);
  }
}

/**
 * The description in a file.
 * @throws UsageError when the file can't be read, DescriptionError when what it says can't be used.
 */
export async function readWorkload(path: string): Promise<WorkloadDescription> {
  let text: string;
  try {
    const file = await open(path, NEVER_WAITING);
    try {
      text = await readAll(file, path);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw refusal(path, REASONS[code] ?? messageOf(error), error);
  }
  return parseWorkload(text, path);
}
