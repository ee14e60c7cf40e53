/** Runs commands in a lab guest, over its control port (guest/lab/control.c is the other end). */
import { connect, type Socket } from 'node:net';
import { CancelledError, LabError, TimeoutError } from '../base/errors.js';

export interface CommandResult {
  readonly status: number;
  /** What it printed, standard error included. */
  readonly output: string;
}

interface Waiting {
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: Error) => void;
}

const LARGEST_COMMAND = 64 * 1024;

export class ControlPort {
  #received = Buffer.alloc(0);
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  private constructor(
    private readonly socket: Socket,
    private readonly path: string,
  ) {
    socket.on('data', (data) => this.#receive(data));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#fail(new LabError(`The control port ${this.path} was closed; the guest may be gone.`));
    });
  }

  /** @throws LabError when nobody listens at `path`. */
  static async open(path: string): Promise<ControlPort> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (cause) =>
        reject(new LabError(`The guest's control port ${path} can't be reached.`, { cause })),
      );
    });
    return new ControlPort(socket, path);
  }

  /**
   * Runs a shell command in the guest; one at a time, in order.
   * @param options.timeoutMs a minute unless told.
   * @throws LabError, TimeoutError, CancelledError.
   */
  run(
    command: string,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<CommandResult> {
    const bytes = Buffer.from(command);
    if (bytes.length > LARGEST_COMMAND)
      return Promise.reject(new LabError('A command for the guest can have 64 KiB at most.'));
    const id = this.#next++;
    const { timeoutMs = 60_000, signal } = options;
    const ends = [AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])];
    const ended = AbortSignal.any(ends);
    return new Promise<CommandResult>((resolve, reject) => {
      const onEnd = () => {
        this.#waiting.delete(id);
        reject(
          signal?.aborted
            ? new CancelledError(`The guest's command was cancelled: ${command}`)
            : new TimeoutError(`The guest did not finish within ${timeoutMs} ms: ${command}`),
        );
      };
      ended.addEventListener('abort', onEnd, { once: true });
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          ended.removeEventListener('abort', onEnd);
          then(value);
        };
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      this.socket.write(`${id} ${bytes.length}\n`);
      this.socket.write(bytes);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  #receive(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    for (;;) {
      const end = this.#received.indexOf(0x0a);
      if (end < 0) return;
      const head = /^(\d+) (\d+) (\d+)$/.exec(this.#received.toString('latin1', 0, end));
      if (!head) {
        this.#fail(
          new LabError(`The control port ${this.path} said something else than an answer.`),
        );
        this.socket.destroy();
        return;
      }
      const [id, status, length] = [Number(head[1]), Number(head[2]), Number(head[3])];
      const from = end + 1;
      if (this.#received.length < from + length) return;
      const output = this.#received.toString('utf8', from, from + length);
      this.#received = this.#received.subarray(from + length);
      this.#waiting.get(id)?.resolve({ status, output });
      this.#waiting.delete(id);
    }
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
