/** What goes wrong in a memory lab, and when: each operation of it passes here, by name. */
import { cancellable } from '../../../src/base/cancel.js';
import { ConnectionLostError } from '../../../src/base/errors.js';

/** What a lab's operation is called, e.g. `destination.write`. */
export type Operation =
  | `hypervisor.${'connect' | 'disks' | 'runState' | 'pause' | 'resume' | 'openSource' | 'openPivot' | 'probeAddress' | 'addProbePort' | 'leftovers' | 'removeLeftovers' | 'close'}`
  | `source.${'startTracking' | 'flip' | 'release' | 'connect' | 'read' | 'flush' | 'blockStatus'}`
  | `destination.${'open' | 'release' | 'connect' | 'read' | 'write' | 'writeZeroes' | 'flush' | 'blockStatus'}`
  | 'pivot.switchOver'
  | `probe.${'connect' | 'upload' | 'snapshot' | 'drain' | 'trim' | 'close'}`;

export interface Fault {
  readonly at: Operation;
  /** From 1; the first call unless told. */
  readonly call?: number;
  /** Every later call, too. */
  readonly always?: boolean;
  /** Throws the error; hangs until it is aborted or the connection is lost; or does something and goes on. */
  readonly does: Error | 'hang' | (() => void | Promise<void>);
}

export class Faults {
  /** How often each operation was called. */
  readonly calls = new Map<Operation, number>();
  readonly #faults: Fault[] = [];
  readonly #lost: Promise<never>;
  #lose: (error: Error) => void = () => undefined;

  constructor() {
    this.#lost = new Promise<never>((_, reject) => {
      this.#lose = reject;
    });
    this.#lost.catch(() => undefined);
  }

  add(fault: Fault): void {
    this.#faults.push(fault);
  }

  /** Settles all that hangs, as a lost connection does. */
  loseConnection(
    error: Error = new ConnectionLostError('The connection to the lab was lost.'),
  ): void {
    this.#lose(error);
  }

  async pass(at: Operation, signal?: AbortSignal): Promise<void> {
    const call = (this.calls.get(at) ?? 0) + 1;
    this.calls.set(at, call);
    for (const fault of this.#faults) {
      const nth = fault.call ?? 1;
      if (fault.at !== at || (fault.always ? call < nth : call !== nth)) continue;
      if (fault.does instanceof Error) throw fault.does;
      if (fault.does === 'hang') await cancellable(this.#lost, signal, at);
      else await fault.does();
    }
  }
}
