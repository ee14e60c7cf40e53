/** A simulated probe with a fake guest, and hosts that talk to it: the project's own, and one by hand. */
import type { Duplex } from 'node:stream';
import { connectProbe } from '../../../../src/probe/index.js';
import type { Probe } from '../../../../src/probe/types.js';
import {
  SimulatedProbe,
  type SimulatedProbeOptions,
} from '../../../../src/simulator/probe/index.js';
import { createPipe, type SimulatedNetwork } from '../../../../src/simulator/network/index.js';
import { SimulatedClock } from '../../../../src/simulator/clock.js';
import { FakeGuest } from './fake-guest.js';

export const disk = { name: 'vda', size: 1 << 30, serial: 'alpha', pci: '00:02.0' };

/** Lets everything run that can run without time going by. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++)
    await new Promise((resolve) => process.nextTick(resolve));
}

export class ProbeLab {
  readonly clock = new SimulatedClock();
  readonly guest = new FakeGuest();
  readonly probe: SimulatedProbe;

  constructor(options: Partial<SimulatedProbeOptions> = {}) {
    const { guest, clock } = this;
    this.probe = new SimulatedProbe({ guest, clock, disks: [disk], ...options });
  }

  /** A host that speaks by hand. */
  dial(): HandHost {
    const [host, guest] = createPipe();
    return new HandHost(host, this.probe.serve(guest));
  }

  /** The project's own host. */
  connect(network?: SimulatedNetwork): Promise<Probe> {
    const [host, guest] = createPipe(network ? { network } : {});
    void this.probe.serve(guest);
    return connectProbe(host, { clock: this.clock });
  }

  pause(): void {
    this.guest.pause(this.clock.now());
  }

  resume(): void {
    this.guest.resume(this.clock.now());
    this.probe.wake();
  }
}

export type Line = Record<string, unknown>;

export class HandHost {
  /** What came, in order. */
  readonly chunks: Buffer[] = [];
  hasEnded = false;

  constructor(
    readonly stream: Duplex,
    /** Settles when the probe is done with the connection. */
    readonly served: Promise<void>,
  ) {
    stream.on('data', (chunk: Buffer) => this.chunks.push(chunk));
    stream.on('end', () => (this.hasEnded = true));
    stream.on('error', () => (this.hasEnded = true));
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }

  get lines(): Line[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  }

  say(...messages: readonly (object | string)[]): void {
    for (const message of messages)
      this.stream.write(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`);
  }

  /** Says something and gives the lines that come of it without time going by. */
  async ask(...messages: readonly (object | string)[]): Promise<Line[]> {
    await settle();
    const before = this.lines.length;
    this.say(...messages);
    await settle();
    return this.lines.slice(before);
  }

  /** Says something and gives the error's code that is the only answer. */
  async refusal(message: object | string): Promise<unknown> {
    const answers = await this.ask(message);
    if (answers.length !== 1) throw new Error(`${answers.length} answers`);
    return answers[0]!['error'];
  }
}
