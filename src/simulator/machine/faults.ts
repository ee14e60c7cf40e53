/** What goes wrong in a simulated machine on demand. */
import type { QapiErrorClass } from '../../base/errors.js';
import { refusal } from '../qmp/index.js';

type Access = 'read' | 'write';

/** An error at a place of a disk: every access that touches it fails. */
export interface BadPlace {
  /** Name of the block node. */
  readonly node: string;
  /** In bytes. */
  readonly offset: number;
  readonly length: number;
  /** Both unless told. */
  readonly access?: Access;
}

/** How slowly disks answer. */
export interface Slowness {
  /** Of each request, in milliseconds. */
  readonly requestMs: number;
  /** Infinity unless told. */
  readonly bytesPerSecond?: number;
}

/** What becomes of a command instead of its doing. */
export type CommandFault =
  | { readonly type: 'hang' }
  | {
      readonly type: 'refuse';
      readonly description: string;
      readonly errorClass?: QapiErrorClass;
    };

/** Set by tests, teachers and tools; nothing is wrong from the start. */
export class Faults {
  readonly #places = new Set<BadPlace>();
  readonly #commands = new Map<string, { readonly fault: CommandFault; times: number }>();
  /** Let the commands go on that hang. */
  readonly #hanging = new Set<() => void>();
  /** How slowly disks answer to NBD clients; undefined: at once. */
  slowness: Slowness | undefined;

  /** @returns what makes the place good again. */
  spoil(place: BadPlace): () => void {
    this.#places.add(place);
    return () => void this.#places.delete(place);
  }

  /** The next executions of a command fail, or hang; once unless told. */
  failCommand(name: string, fault: CommandFault, times = 1): void {
    this.#commands.set(name, { fault, times });
  }

  /** Nothing is wrong any more; commands that hang are carried out. */
  clear(): void {
    this.#places.clear();
    this.#commands.clear();
    this.slowness = undefined;
    for (const goOn of this.#hanging) goOn();
    this.#hanging.clear();
  }

  isBad(node: string, offset: number, length: number, access: Access): boolean {
    if (this.#places.size === 0) return false;
    return [...this.#places].some(
      (place) =>
        place.node === node &&
        (place.access ?? access) === access &&
        offset < place.offset + place.length &&
        place.offset < offset + length,
    );
  }

  /** How long a request of so many bytes takes, in milliseconds. */
  delayMs(bytes: number): number {
    if (!this.slowness) return 0;
    const { requestMs, bytesPerSecond = Infinity } = this.slowness;
    return requestMs + (1000 * bytes) / bytesPerSecond;
  }

  /** Does to a command what is due; one that hangs goes on once all is cleared. @throws QmpCommandError */
  async meetCommand(name: string): Promise<void> {
    const due = this.#commands.get(name);
    if (!due) return;
    due.times -= 1;
    if (due.times <= 0) this.#commands.delete(name);
    const { fault } = due;
    if (fault.type === 'refuse') throw refusal(fault.description, fault.errorClass);
    await new Promise<void>((resolve) => this.#hanging.add(resolve));
  }
}
