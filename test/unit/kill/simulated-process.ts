/**
 * A process in virtual time that can be stopped, continued and killed. All that reaches it (time, what
 * its streams bring, answers of files) comes through it, and all that it does to the world leaves
 * through it: one that is stopped notices nothing until it goes on, one that is dead nothing ever.
 */
import { Duplex } from 'node:stream';
import type { Clock } from '../../../src/base/clock.js';
import type { ProcessIdentity } from '../../../src/engine/index.js';

let processes = 0;

export class SimulatedProcess {
  readonly identity: ProcessIdentity = { pid: ++processes, startTime: '1', machine: 'simulated' };
  readonly clock: Clock;
  /** How often it has done something that others can see. */
  acts = 0;
  /** Is called before each of them, with its number from 1; may strike this very process. */
  onAct: (number: number) => void = () => undefined;
  #state: 'runs' | 'stopped' | 'dead' = 'runs';
  #held: (() => void)[] = [];
  readonly #deaths: (() => void)[] = [];

  constructor(clock: Clock) {
    this.clock = {
      now: () => clock.now(),
      sleep: (milliseconds, signal) => this.answer(clock.sleep(milliseconds, signal)),
    };
  }

  get lives(): boolean {
    return this.#state !== 'dead';
  }

  /** SIGKILL: the kernel closes its streams. */
  kill(): void {
    if (!this.lives) return;
    this.#state = 'dead';
    this.#held = [];
    for (const hear of this.#deaths.splice(0)) hear();
  }

  /** SIGSTOP. */
  stop(): void {
    if (this.lives) this.#state = 'stopped';
  }

  /** SIGCONT: whatever came meanwhile reaches it now, in order. */
  goOn(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'runs';
    for (const each of this.#held.splice(0)) this.receive(each);
  }

  /** Calls `listener` when it is killed; at once where it is dead. */
  onDeath(listener: () => void): void {
    if (this.lives) this.#deaths.push(listener);
    else listener();
  }

  /** Something reaches the process. */
  receive(what: () => void): void {
    if (this.#state === 'stopped') this.#held.push(what);
    else if (this.lives) what();
  }

  /** The process does something that others can see. */
  act(what: () => void): void {
    this.receive(() => {
      this.onAct(++this.acts);
      this.receive(what);
    });
  }

  /** How something ends that the process waits for. */
  answer<T>(promise: Promise<T>): Promise<T> {
    const heard = new Promise<void>((resolve) => {
      const hear = () => this.receive(resolve);
      promise.then(hear, hear);
    });
    return heard.then(() => promise);
  }

  /** A connection of the process, which ends with it. */
  own(stream: Duplex): Duplex {
    return new OwnedStream(this, stream);
  }
}

class OwnedStream extends Duplex {
  constructor(
    private readonly process: SimulatedProcess,
    private readonly inner: Duplex,
  ) {
    super({ allowHalfOpen: false, highWaterMark: 64 * 1024 });
    process.onDeath(() => inner.destroy());
    inner.on('data', (chunk: Buffer) =>
      process.receive(() => {
        if (!this.push(chunk)) inner.pause();
      }),
    );
    inner.on('end', () => process.receive(() => this.push(null)));
    inner.on('error', (error) => process.receive(() => this.destroy(error)));
    inner.on('close', () => process.receive(() => this.destroy()));
  }

  override _read(): void {
    this.inner.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.process.act(() => {
      this.inner.write(chunk, encoding, (error) =>
        this.process.receive(() => done(error ?? undefined)),
      );
    });
  }

  override _final(done: () => void): void {
    this.process.receive(() => {
      this.inner.end();
      done();
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.process.receive(() => {
      this.inner.destroy();
      done(error);
    });
  }
}
