/** An image that no machine has open, as the storage behind an NBD export. */
import type { ExportStorage, PayloadPiece } from '../../nbd/index.js';
import type { Image } from '../types.js';

export class ImageStorage implements ExportStorage {
  constructor(private readonly image: Image) {}

  get size(): number {
    return this.image.size;
  }

  read(offset: number, length: number): readonly PayloadPiece[] {
    return this.image.read(offset, length);
  }

  write(offset: number, data: readonly Uint8Array[]): void {
    this.image.write(offset, data);
  }

  writeZeroes(offset: number, length: number, { mayTrim }: { readonly mayTrim: boolean }): void {
    this.image.zero(offset, length, mayTrim);
  }

  trim(offset: number, length: number): void {
    this.image.zero(offset, length, true);
  }

  flush(): void {
    // It is in memory.
  }

  status(
    _context: string,
    offset: number,
    length: number,
    visit: Parameters<ExportStorage['status']>[3],
  ): void {
    this.image.allocation(offset, length, visit);
  }
}
