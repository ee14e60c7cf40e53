/** When an image that is there already may be taken as a destination. */
import { DestinationError } from '../../base/errors.js';

export type ImageFormat = 'raw' | 'qcow2';

/** What is asked of an image. */
export interface ImageNeed {
  readonly path: string;
  readonly format: ImageFormat;
  /** Of the virtual disk, in bytes. */
  readonly size: number;
  /** Whether one that holds data may be used. */
  readonly overwrite: boolean;
}

/** What an image is. */
export interface ImageFacts {
  /** Of its virtual disk, in bytes. */
  readonly size: number;
  readonly holdsData: boolean;
}

/** @throws DestinationError when it is too small, too large for its format, or holds data. */
export function checkExistingImage(need: ImageNeed, facts: ImageFacts): void {
  const { path, format, size, overwrite } = need;
  if (facts.size < size) {
    throw new DestinationError(
      `The image ${path} is too small: ${facts.size} bytes, and the disk has ${size}.`,
      { hint: 'Enlarge it, or name a file that is not there yet: it will be made.' },
    );
  }
  if (facts.size > size && format !== 'raw') {
    throw new DestinationError(
      `The image ${path} is too large: ${facts.size} bytes, and the disk has ${size}.`,
      { hint: `Only a raw image may be larger than the disk. Give the ${format} image its size.` },
    );
  }
  if (facts.holdsData && !overwrite) {
    throw new DestinationError(`The image ${path} is there and holds data.`, {
      hint: 'Take another file, or say that it may be overwritten (--overwrite).',
    });
  }
}
