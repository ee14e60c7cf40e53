/** What keys do to a migration: they hold its gate, ask for a look inside, and answer its question. */
import type { Decision, GateControl } from '../engine/index.js';
import type { Interrupt } from './interrupt.js';
import { CTRL_C } from './keys.js';

interface Key {
  readonly keys: string;
  readonly action: string;
}

const DETACH: Key = {
  keys: 'd',
  action: 'detach: leave it running, `migrascope attach` comes back',
};

/** The keys, for help and docs. */
export const KEYS: readonly Key[] = [
  { keys: 's, Space, Enter', action: 'step: go on to the next statement' },
  { keys: 'b', action: 'go on to the next batch' },
  { keys: 'r', action: 'go on to the next round' },
  { keys: 'c, g', action: 'run: go on without stopping' },
  { keys: 'p', action: 'pause: stop at the next statement' },
  { keys: 'i', action: 'inspect: what waits and why, files being written, limits' },
  DETACH,
  { keys: 'q', action: 'cancel; the guest stays on its source' },
  { keys: '?', action: 'show or hide the keys' },
];

/** What the view shows beside the migration itself. */
export interface ControlState {
  readonly inspecting: boolean;
  readonly showingKeys: boolean;
  readonly asking: boolean;
}

export class Control {
  #inspecting = false;
  #showingKeys = false;
  #answer: ((decision: Decision | undefined) => void) | undefined;

  /** @param onChange is called when the view has to be drawn anew. */
  constructor(
    private readonly gate: GateControl,
    private readonly interrupt: Interrupt,
    private readonly onChange: () => void,
  ) {}

  get state(): ControlState {
    return {
      inspecting: this.#inspecting,
      showingKeys: this.#showingKeys,
      asking: this.#answer !== undefined,
    };
  }

  /** Waits for the person's answer; a cancel answers too, and {@link dismiss} with nothing. */
  async ask(): Promise<Decision | undefined> {
    const { signal } = this.interrupt;
    if (signal.aborted) return 'cancel';
    const cancel = () => this.#answer?.('cancel');
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise<Decision | undefined>((resolve) => {
        this.#answer = resolve;
        this.onChange();
      });
    } finally {
      this.#answer = undefined;
      signal.removeEventListener('abort', cancel);
      this.onChange();
    }
  }

  /** Takes the question back. */
  dismiss(): void {
    this.#answer?.(undefined);
  }

  /** A key was pressed; keys without a meaning do nothing. */
  press(key: string): void {
    if (key === CTRL_C) this.interrupt.press();
    else if (this.#answer) this.#decide(this.#answer, key.toLowerCase());
    else this.#steer(key.toLowerCase());
    this.onChange();
  }

  #decide(answer: (decision: Decision) => void, key: string): void {
    if (key === 'm') answer('more-rounds');
    else if (key === 'p') answer('pause-anyway');
    else if (key === 'c' || key === 'q') answer('cancel');
  }

  #steer(key: string): void {
    switch (key) {
      case 's':
      case ' ':
      case '\r':
      case '\n': {
        this.gate.step('statement');
        return;
      }
      case 'b': {
        this.gate.step('batch');
        return;
      }
      case 'r': {
        this.gate.step('round');
        return;
      }
      case 'c':
      case 'g': {
        this.gate.run();
        return;
      }
      case 'p': {
        this.gate.pause();
        return;
      }
      case 'd': {
        if (this.interrupt.canLeave) this.interrupt.leave();
        return;
      }
      case 'i':
        this.#inspecting = !this.#inspecting;
        return;
      case 'q': {
        this.interrupt.cancel('cancelling: putting things back');
        return;
      }
      case '?':
        this.#showingKeys = !this.#showingKeys;
    }
  }
}

/** The keys that mean something for a run that can be left, or can't. */
export function keysFor(canLeave: boolean): readonly Key[] {
  return canLeave ? KEYS : KEYS.filter((key) => key !== DETACH);
}

/** The keys as lines for `--help`. */
export function keyHelp(): string {
  const lines = KEYS.map(({ keys, action }) => `  ${keys.padEnd(16)}${action}`);
  return ['Keys, in a terminal:', ...lines].join('\n');
}
