/** The probe in a simulated guest: speaks protocol/PROBE.md over streams, of which it serves one at a time. */
import type { Duplex } from 'node:stream';
import { Bell } from './bell.js';
import { ProbeFaults, type ProbeMishap } from './faults.js';
import { ProbeSession, type SessionHost } from './session.js';
import { Steering } from './steering.js';
import type { SimulatedDisk, SimulatedProbeOptions } from './types.js';

const PROTOCOL = '1.0';
const VERSION = '0.1.0';
const KERNEL = '6.12.0-simulated';
const BOOT_ID = '00000000-0000-4000-8000-000000000001';

/** Connections that wait for their turn; beyond it they are ended at once. */
const MOST_WAITING = 16;

interface Waiting {
  readonly stream: Duplex;
  readonly begin: () => void;
}

export class SimulatedProbe {
  /** What is to go wrong. */
  readonly faults: ProbeFaults;
  readonly #options: SimulatedProbeOptions;
  readonly #bell = new Bell();
  readonly #steering: Steering;
  readonly #host: SessionHost;
  readonly #waiting: Waiting[] = [];
  #session: ProbeSession | undefined;
  #stream: Duplex | undefined;
  #isAlive = true;
  #isClosed = false;
  #sequence = 0;

  constructor(options: SimulatedProbeOptions) {
    const { guest, clock } = options;
    this.#options = options;
    this.faults = new ProbeFaults(() => this.#bell.ring());
    this.#steering = new Steering(guest, clock, this.#bell);
    this.#host = this.#hostOfSessions();
  }

  /**
   * Serves a host; while another one is served it waits, and is not answered.
   * @returns a promise that resolves when the stream has ended, whoever ended it. It rejects only
   * with what the guest threw.
   */
  async serve(stream: Duplex): Promise<void> {
    stream.on('error', ignore);
    if (this.#isClosed || this.#waiting.length === MOST_WAITING) stream.destroy();
    if (stream.destroyed || !(await this.#turnOf(stream))) return;
    this.#session = new ProbeSession(stream, this.#host);
    try {
      await this.#session.run();
    } finally {
      this.#session = undefined;
      this.#stream = undefined;
      this.#waiting.shift()?.begin();
    }
  }

  /** Whether it runs; false once it died. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** The guest runs again, or may: who waits for it goes on. To be called after it was resumed. */
  wake(): void {
    this.#bell.ring();
  }

  /** The probe ends: so does its connection, and later hosts hear nothing until `restart`. */
  die(): void {
    this.#isAlive = false;
    this.#steering.release();
    this.#stream?.destroy();
  }

  /** A new probe takes the place of this one, and says hello to whoever is connected; faults stay as they are set. */
  restart(): void {
    this.#isAlive = true;
    this.#sequence = 0;
    void this.#session?.sayHello();
    this.#bell.ring();
  }

  /** Ends every connection, and those that come later at once. Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const { stream } of this.#waiting) stream.destroy();
    this.#stream?.destroy();
  }

  /** @returns false when the stream has ended before its turn. */
  #turnOf(stream: Duplex): Promise<boolean> {
    if (!this.#stream) {
      this.#stream = stream;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        resolve(false);
      };
      const begin = () => {
        stream.off('close', leave);
        this.#stream = stream;
        resolve(true);
      };
      const waiting: Waiting = { stream, begin };
      stream.once('close', leave);
      this.#waiting.push(waiting);
    });
  }

  #strike({ does }: ProbeMishap): void {
    this.faults.mishap = undefined;
    if (does === 'hang') this.faults.hangs = true;
    else if (does === 'die') this.die();
    else this.restart();
  }

  #hostOfSessions(): SessionHost {
    const { guest, clock, disks, method = 'kcore', canDiscard = true } = this.#options;
    const isAwake = () => this.#isAlive && !this.faults.hangs && guest.running;
    return {
      guest,
      clock,
      disks,
      canDiscard,
      canLook: method !== 'none',
      faults: this.faults,
      steering: this.#steering,
      bell: this.#bell,
      get isAwake() {
        return isAwake();
      },
      hello: () => this.#hello(),
      reportHeader: (disk) => ({ method, ...this.#settings(), disk: describe(disk) }),
      nextSequence: () => ++this.#sequence,
      strike: (mishap) => this.#strike(mishap),
    };
  }

  #hello(): object {
    const { guest, disks, method = 'kcore' } = this.#options;
    return {
      protocol: PROTOCOL,
      probe: VERSION,
      method,
      methodReasons: method === 'none' ? ['The simulated guest has no way to see its pages.'] : [],
      ...this.#settings(),
      monotonicMs: Math.floor(guest.monotonicMs),
      disks: disks.map(describe),
    };
  }

  #settings(): object {
    const { guest, kernel = KERNEL, bootId = BOOT_ID } = this.#options;
    const { dirtyExpireCentisecs, dirtyWritebackCentisecs } = guest.settings;
    return {
      kernel,
      bootId,
      dirtyExpireMs: dirtyExpireCentisecs * 10,
      dirtyWritebackMs: dirtyWritebackCentisecs * 10,
    };
  }
}

function ignore(): void {
  // A stream that breaks ends, too, and that is what is waited for.
}

function describe({ name, size, serial, pci }: SimulatedDisk): object {
  return {
    name,
    size,
    ...(serial === undefined ? {} : { serial }),
    ...(pci === undefined ? {} : { pci }),
  };
}
