/** What a program of the guest is told when its disk is full: ENOSPC. */
import { UsageError } from '../../base/errors.js';

export class NoSpaceError extends UsageError {
  /**
   * @param what is full, as the subject of a sentence.
   * @param written pages that were written before, of a write.
   */
  constructor(
    what: string,
    readonly written = 0,
  ) {
    super(`${what}: use a larger disk, or a workload that writes less.`);
  }
}
