/** What can be made to go wrong with a simulated guest while it runs, by the names that people call it. */
import { didYouMean } from '../base/closest.js';
import { UsageError } from '../base/errors.js';
import type { NetworkSettings, SimulatedHost } from '../simulator/index.js';

/** What a fault is told beside its name; each has some of these. */
export interface FaultValues {
  /** How much longer each request takes, in milliseconds of real time, up to an hour. */
  readonly delayMs?: number;
  /** A place of the disk, in bytes, and how many bytes from there on; 4096 unless told. */
  readonly at?: number;
  readonly length?: number;
  /** In bytes a second of real time. */
  readonly bytesPerSecond?: number;
  /** Name of a QMP command. */
  readonly command?: string;
}

export interface FaultDescription {
  /** What happens, as one sentence for people. */
  readonly about: string;
  /** What it has to be told, and what it may be told. */
  readonly needs?: readonly (keyof FaultValues)[];
  readonly may?: readonly (keyof FaultValues)[];
}

/** Every fault, in the order in which they are listed. */
export const FAULTS = {
  'destination-dies': {
    about: 'the server of the empty disk dies; whoever writes to it loses the connection',
  },
  'nbd-dies': {
    about:
      "the machine's own NBD server dies, by which its disk is read and a new image is written",
  },
  'network-cut': {
    about: 'all NBD connections break at once; later ones are not concerned',
  },
  bandwidth: {
    about: 'the network carries so much in a second from now on',
    needs: ['bytesPerSecond'],
  },
  'slow-disk': {
    about: 'each request to the disk takes so much longer from now on',
    needs: ['delayMs'],
  },
  'read-error': {
    about: 'whoever reads that place of the disk gets an error',
    needs: ['at'],
    may: ['length'],
  },
  'probe-hangs': {
    about: 'the probe keeps its connection and says nothing any more',
  },
  'probe-dies': {
    about: "the probe's process ends, and nobody starts another",
  },
  'probe-restarts': {
    about: 'another probe takes the place of this one, and knows nothing of what was asked',
  },
  'command-fails': {
    about: 'the next QMP command of that name is refused',
    needs: ['command'],
  },
  'command-hangs': {
    about: 'the next QMP command of that name is not carried out before all is put right',
    needs: ['command'],
  },
  none: {
    about: 'all of these are put right again; connections that were lost stay lost',
  },
} as const satisfies Record<string, FaultDescription>;

export type FaultName = keyof typeof FAULTS;

/** The names, in the order in which they are listed. */
export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

/** What is known of a fault. @throws UsageError when there is none of that name. */
export function faultCalled(name: string): FaultDescription & { readonly name: FaultName } {
  const known = FAULT_NAMES.find((each) => each === name);
  if (known) return { name: known, ...FAULTS[known] };
  throw new UsageError(`There is no fault "${name}".${didYouMean(name, FAULT_NAMES)}`, {
    hint: `There are ${FAULT_NAMES.join(', ')}; \`migrascope lab fault --help\` explains them.`,
  });
}

const READ_ERROR_BYTES = 4096;
const LONGEST_DELAY_MS = 3_600_000;

/** The faults of one host. */
export class HostFaults {
  readonly #network: NetworkSettings;

  /** @param speed how much faster than real time the host's clock goes. */
  constructor(
    private readonly host: SimulatedHost,
    private readonly speed: number,
  ) {
    this.#network = host.network.settings;
  }

  /**
   * Makes it go wrong.
   * @returns what is so from now on, as one sentence.
   * @throws UsageError when there is no such fault, or it can't be told that.
   */
  async set(name: string, values: FaultValues): Promise<string> {
    const { host } = this;
    switch (faultCalled(name).name) {
      case 'destination-dies':
        await host.killDestination();
        return 'The server of the empty disk is dead.';
      case 'nbd-dies':
        await host.machine.killNbdServer();
        return "The machine's NBD server is dead, if it had one.";
      case 'network-cut':
        return `Connections that were broken: ${this.#cut()}.`;
      case 'bandwidth':
        return this.#limit(number(values, 'bytesPerSecond', 1, Number.MAX_SAFE_INTEGER));
      case 'slow-disk':
        return this.#slow(number(values, 'delayMs', 0, LONGEST_DELAY_MS));
      case 'read-error':
        return this.#spoil(values);
      case 'probe-hangs':
        this.#probe.faults.hangs = true;
        return 'The probe says nothing any more.';
      case 'probe-dies':
        this.#probe.die();
        return 'The probe is dead.';
      case 'probe-restarts':
        this.#probe.restart();
        return 'Another probe has taken its place.';
      case 'command-fails':
      case 'command-hangs':
        return this.#failCommand(values.command, name === 'command-fails');
      case 'none':
        return this.#clear();
    }
  }

  get #probe() {
    const { probe } = this.host;
    if (probe) return probe;
    throw new UsageError('The guest has no probe that anything could happen to.', {
      hint: 'Start it without --no-probe.',
    });
  }

  #cut(): number {
    const { network } = this.host;
    const { connections } = network;
    network.cut();
    return connections;
  }

  #limit(bytesPerSecond: number): string {
    this.host.network.set({ bytesPerSecond: bytesPerSecond * this.speed });
    return `The network carries ${bytesPerSecond} bytes in a second.`;
  }

  #slow(delayMs: number): string {
    this.host.machine.faults.slowness = { requestMs: delayMs * this.speed };
    return `Each request to the disk takes ${delayMs} ms longer.`;
  }

  #spoil(values: FaultValues): string {
    const [disk] = this.host.machine.disks;
    const { name: node, size } = disk!.root;
    const offset = number(values, 'at', 0, size - 1);
    const length =
      values.length === undefined
        ? Math.min(READ_ERROR_BYTES, size - offset)
        : number(values, 'length', 1, size - offset);
    this.host.machine.faults.spoil({ node, offset, length, access: 'read' });
    return `Reading any of the ${length} bytes at ${offset} of ${node} fails.`;
  }

  #failCommand(command: unknown, fails: boolean): string {
    if (typeof command !== 'string' || !/^[\w-]{1,64}$/.test(command))
      throw new UsageError('The fault needs the name of a QMP command, such as block-export-add.');
    const description = 'Refused on demand';
    this.host.machine.faults.failCommand(
      command,
      fails ? { type: 'refuse', description } : { type: 'hang' },
    );
    return `The next ${command} ${fails ? 'is refused' : 'hangs'}.`;
  }

  #clear(): string {
    const { machine, network, probe } = this.host;
    machine.faults.clear();
    network.set(this.#network);
    this.host.reviveDestination();
    if (probe) {
      probe.faults.hangs = false;
      if (!probe.isAlive) probe.restart();
    }
    return 'Nothing is wrong with it any more.';
  }
}

/** @throws UsageError when the value is missing, or out of its range. */
function number(values: FaultValues, name: keyof FaultValues, low: number, high: number): number {
  const value = values[name];
  if (typeof value === 'number' && value >= low && value <= high) return value;
  throw new UsageError(`The fault can't have ${String(value)} as its ${NUMBER_NAMES[name]}.`, {
    hint: `It is a number from ${low} to ${high}.`,
  });
}

const NUMBER_NAMES: Readonly<Record<keyof FaultValues, string>> = {
  delayMs: 'delay in milliseconds',
  at: 'place in bytes',
  length: 'length in bytes',
  bytesPerSecond: 'bytes a second',
  command: 'command',
};
