/** What a simulated probe says of its guest. */
import type { Clock } from '../../base/clock.js';
import type { Guest } from '../guest/types.js';

/** A disk, as the guest knows it. */
export interface SimulatedDisk {
  /** The guest's name, e.g. `vda`. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly serial?: string;
  /** PCI address `bus:slot.function`, hexadecimal in small letters. */
  readonly pci?: string;
}

export interface SimulatedProbeOptions {
  readonly guest: Guest;
  readonly clock: Clock;
  /** The first one is the guest's; the page cache holds nothing of the others. */
  readonly disks: readonly [SimulatedDisk, ...SimulatedDisk[]];
  /** How it says that it finds pages (`kcore`); with `none` it can't. */
  readonly method?: 'kcore' | 'cachestat' | 'mincore' | 'none';
  /** The guest's kernel release (`6.12.0-simulated`). */
  readonly kernel?: string;
  /** A UUID that stands for this boot of the guest. */
  readonly bootId?: string;
  /** Whether the guest's file systems can discard (true). */
  readonly canDiscard?: boolean;
}
