/** A simulated guest whose migrations are struck, and what must hold of it afterwards. */
import { expect } from 'vitest';
import { silentLogger } from '../../../src/base/logger.js';
import type { MigrationOptions } from '../../../src/engine/index.js';
import { DESTINATION_URI, Laboratory, SOURCE_IMAGE } from '../../../src/experiment/laboratory.js';
import type { Scenario } from '../../../src/experiment/index.js';
import {
  createImage,
  PAGE_BYTES,
  SimulatedClock,
  type GuestDevice,
  type Image,
} from '../../../src/simulator/index.js';

export class KillLab {
  #image = SOURCE_IMAGE;

  private constructor(
    readonly laboratory: Laboratory,
    readonly clock: SimulatedClock,
    /** All that the guest ever wrote. */
    private readonly written: Image,
  ) {}

  static async create({ guest, network, probe, warmUpMs }: Scenario): Promise<KillLab> {
    const clock = new SimulatedClock();
    const { diskBytes: size, seed } = guest;
    const written = createImage({ size, seed });
    const laboratory = await Laboratory.create({
      ...{ clock, logger: silentLogger, network, probe, size, seed },
      createGuest: (device) => guest.create(copying(device, written)),
    });
    await clock.sleep(warmUpMs);
    return new KillLab(laboratory, clock, written);
  }

  /** Path of the image that the guest has now, as far as it was looked at. */
  get image(): string {
    return this.#image;
  }

  get stands(): boolean {
    return this.laboratory.host.machine.status !== 'running';
  }

  options(scenario: Scenario['options'], disk: string, path: string): MigrationOptions {
    return {
      ...{ trim: false, ...scenario, disk },
      destination: scenario.pivot
        ? { type: 'file', path, format: 'raw', overwrite: false }
        : { type: 'nbd', uri: DESTINATION_URI },
    };
  }

  /** Name of the guest's disk now; notes which image it has. */
  async diskNow(): Promise<string> {
    const hypervisor = await this.laboratory.connectHypervisor(new AbortController().signal);
    try {
      const disks = await hypervisor.disks();
      expect(disks).toHaveLength(1);
      this.#image = disks[0]!.image;
      return disks[0]!.name;
    } finally {
      await hypervisor.close();
    }
  }

  /** That the guest runs and has all that it wrote, and that nothing of a run is left. */
  async expectFit(): Promise<void> {
    const { host, sockets } = this.laboratory;
    expect(host.machine.status).toBe('running');
    await this.diskNow();
    expect(host.files.get(this.#image)!.image.firstDifference(this.written)).toBeUndefined();
    expect(sockets.addresses.filter((address) => address.includes('nbd'))).toEqual([]);
    const hypervisor = await this.laboratory.connectHypervisor(new AbortController().signal);
    try {
      expect(await hypervisor.leftovers([])).toEqual([]);
      expect(await hypervisor.session.qmp.execute('query-jobs', {})).toEqual([]);
    } finally {
      await hypervisor.close();
    }
  }

  /** That the destination of a migration that ended has what the guest had when it stood. */
  expectCopied(path: string): void {
    expect(this.laboratory.host.files.get(path)!.image.firstDifference(this.written)).toBe(
      undefined,
    );
  }
}

/** What is written to the device goes to the image as well, as the machine writes it. */
function copying(device: GuestDevice, image: Image): GuestDevice {
  let version = 0;
  return {
    size: device.size,
    writePages: (first, count) => {
      device.writePages(first, count);
      image.stamp(first, count, ++version);
    },
    discardPages: (first, count) => {
      device.discardPages(first, count);
      image.zero(first * PAGE_BYTES, count * PAGE_BYTES, true);
    },
  };
}
