/** When a run of the simulated lab is struck, and by what. */
import { LEASE_MS, type MigrationEvent } from '../../../src/engine/index.js';
import type { Random } from '../../../src/simulator/index.js';
import { pick } from '../experiment/any-migration.js';
import { strikes, type Fault } from '../../qemu/support/kill-table.js';
import type { SimulatedRun } from './simulated-run.js';

/** So many acts of the engine after a statement is come to, for the so-manyth time. */
export interface Moment {
  readonly line: number;
  readonly time: number;
  readonly acts: number;
}

/** Half of them are where the guest stands, or is about to. */
export function momentOf(random: Random): Moment {
  const line = random.next() < 0.5 ? 1 + random.below(14) : 15 + random.below(4);
  return {
    line,
    time: line > 3 && line < 15 ? 1 + random.below(2) : 1,
    acts: random.below(pick(random, [1, 12, 60])),
  };
}

/** How long somebody stops an engine, in milliseconds. */
export const STOPPED_MS = [LEASE_MS + 1500, 60_000] as const;

/** Strikes a run once, at its moment. */
export class Striker {
  /** When it was struck, on the laboratory's clock, and whether the guest stood. */
  struck: { readonly at: number; readonly stood: boolean } | undefined;
  #times = 0;

  constructor(
    private readonly fault: Fault,
    private readonly moment: Moment,
    private readonly stopMs: number,
  ) {}

  readonly onEvent = (event: MigrationEvent, run: SimulatedRun): void => {
    const { line, time, acts } = this.moment;
    if (event.type !== 'statement' || event.line !== line || ++this.#times !== time) return;
    const from = run.engine.acts;
    if (acts === 0) this.#strike(run);
    run.engine.onAct = (number) => {
      if (number === from + acts) this.#strike(run);
    };
  };

  #strike(run: SimulatedRun): void {
    if (this.struck) return;
    const { engine, guardians, controller, setting } = run;
    const { host, options } = setting.laboratory;
    const hit = (what: string) => strikes(this.fault, what);
    this.struck = { at: options.clock.now(), stood: host.machine.status !== 'running' };
    const many = hit('guardians') ? guardians.length : Number(hit('guardian'));
    // At once: none of the two may live to see the other's end.
    if (hit('engine')) engine.stop();
    for (const guardian of guardians.slice(0, many)) guardian.kill();
    if (hit('engine')) engine.kill();
    if (hit('controller')) controller.kill();
    if (hit('probe')) void this.#killProbe(run);
    if (hit('server')) void host.killDestination();
    if (this.fault.startsWith('stop')) void this.#stop(run);
  }

  /** The guest starts it again. */
  async #killProbe({ setting: { laboratory } }: SimulatedRun): Promise<void> {
    laboratory.host.probe?.die();
    await laboratory.options.clock.sleep(2000);
    laboratory.host.probe?.restart();
  }

  async #stop({ engine, setting: { laboratory } }: SimulatedRun): Promise<void> {
    engine.stop();
    await laboratory.options.clock.sleep(this.stopMs);
    engine.goOn();
  }
}
