/** Values as lines of JSON on a stream that may be slow, or gone. */
import type { Output } from './world.js';

/** Characters that may wait for a slow reader before `ready` waits too. */
const BACKLOG = 4 * 1024 * 1024;

export class JsonLines {
  #waiting = 0;
  #broken = false;
  #wakers: (() => void)[] = [];

  /** @param onBroken is called, once, when the reader is gone; nothing is written from then on. */
  constructor(
    private readonly stream: Output,
    private readonly onBroken: (error: Error) => void,
  ) {
    stream.on('error', (error: Error) => this.#break(error));
  }

  /** Writes one line. Never throws and never waits. */
  write(value: unknown): void {
    if (this.#broken) return;
    const line = `${JSON.stringify(value)}\n`;
    this.#waiting += line.length;
    this.stream.write(line, () => {
      this.#waiting -= line.length;
      if (this.#waiting <= BACKLOG) this.#wake();
    });
  }

  /** Resolves when little enough waits for the reader, when the reader is gone, or when `signal` aborts. */
  async ready(signal: AbortSignal): Promise<void> {
    while (this.#waiting > BACKLOG && !this.#broken && !signal.aborted) await this.#change(signal);
  }

  /** Resolves when every line is out of this process's hands, or the reader is gone. */
  async flushed(): Promise<void> {
    while (this.#waiting > 0 && !this.#broken) await this.#change();
  }

  #change(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      signal?.addEventListener('abort', wake, { once: true });
      this.#wakers.push(wake);
    });
  }

  #wake(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }

  #break(error: Error): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#wake();
    this.onBroken(error);
  }
}
