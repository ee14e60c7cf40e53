/** QEMU's words about an image file, as errors that a person can act on. */
import { DestinationError, QmpCommandError } from '../../base/errors.js';

interface Meaning {
  readonly pattern: RegExp;
  readonly fault: string;
  readonly hint: string;
}

const meanings: readonly Meaning[] = [
  {
    pattern: /Failed to (get|lock)|Is another process using|Device or resource busy/,
    fault: 'is in use by somebody else',
    hint: 'End the process that has it open, or take another file.',
  },
  {
    pattern: /No such file or directory|Not a directory/,
    fault: "can't be made: its folder does not exist",
    hint: "Make the folder on the hypervisor's machine first.",
  },
  {
    pattern: /Read-only file system/,
    fault: 'is on a read-only file system',
    hint: 'Take a path on a file system that can be written to.',
  },
  {
    pattern: /Permission denied|Operation not permitted/,
    fault: "is read-only or not accessible to QEMU's user",
    hint: "Give QEMU's user the right to write there (owner, mode, AppArmor or SELinux profile).",
  },
  {
    pattern: /No space left/,
    fault: 'does not fit: no space is left',
    hint: 'Free some space, or take a path on another file system.',
  },
  {
    pattern: /Image is not in (\S+) format/,
    fault: 'is there, but has not the format that was asked for',
    hint: 'Take the format that it has, or another file.',
  },
  {
    pattern: /does not support O_DIRECT|cache\.direct/,
    fault: "is on a file system without O_DIRECT, which the source's cache mode needs",
    hint: 'Take a path on another file system, or ask for another cache mode.',
  },
  {
    pattern: /requires '.*' to be (a regular file|either a character or block device)/,
    fault: 'is neither a regular file nor a block device',
    hint: 'Name the image file itself, not its folder.',
  },
];

/** The error on the image `path`; errors that are not QEMU's refusal stay as they are. */
export function imageError(path: string, error: unknown): unknown {
  return error instanceof QmpCommandError ? imageFault(path, error.description, error) : error;
}

/** The error on the image `path` for what a QEMU or one of its tools said of it. */
export function imageFault(path: string, said: string, cause?: unknown): DestinationError {
  const meaning = meanings.find(({ pattern }) => pattern.test(said));
  if (!meaning) return new DestinationError(`The image ${path} can't be used: ${said}.`, { cause });
  return new DestinationError(`The image ${path} ${meaning.fault} (${said}).`, {
    cause,
    hint: meaning.hint,
  });
}
