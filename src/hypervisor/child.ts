/**
 * A child process that is started for a run: ssh, qemu-storage-daemon, qemu-nbd.
 * It has a session of its own, so that a Ctrl-C at the terminal does not end it before its owner does.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.js';

/** The variables of our environment that a child gets; nothing else. */
const passedOn = ['HOME', 'LANG', 'LC_ALL', 'LOGNAME', 'PATH', 'SSH_AUTH_SOCK', 'TMPDIR', 'USER'];

/** How much of a child's error output is kept, in characters; the newest. */
const keptErrors = 4096;

/** How long a child may take to end after each request, in milliseconds. */
const patienceMs = 2000;

export class Child {
  readonly #process: ChildProcessWithoutNullStreams;
  #errors = '';
  #ended = false;
  #succeeded = false;
  #failure: Error | undefined;
  /** Resolves when the child has ended or could not be started; says how, as part of a sentence. */
  readonly exited: Promise<string>;

  /** Starts `command`, found on PATH, with `args`, without a shell. */
  constructor(
    readonly command: string,
    args: readonly string[],
  ) {
    const env: Record<string, string> = {};
    for (const name of passedOn) {
      const value = process.env[name];
      if (value !== undefined) env[name] = value;
    }
    this.#process = spawn(command, args, { env, detached: true, stdio: 'pipe' });
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-keptErrors);
    });
    this.#process.stdin.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      this.#process.once('error', (error) => {
        this.#failure = error;
        this.#ended = true;
        resolve(`could not be started: ${error.message}`);
      });
      this.#process.once('close', (code, signal) => {
        this.#ended = true;
        this.#succeeded = code === 0;
        resolve(signal ? `was ended by ${signal}` : `ended with exit code ${code ?? 'unknown'}`);
      });
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether it has ended with exit code 0. */
  get succeeded(): boolean {
    return this.#succeeded;
  }

  /** Absent until the child was started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether no such command was found. */
  get missing(): boolean {
    return (
      this.#failure !== undefined && 'code' in this.#failure && this.#failure.code === 'ENOENT'
    );
  }

  /** The last of what it wrote to its error output, on one line. */
  get errors(): string {
    return this.#errors.trim().replaceAll(/\s*\n\s*/g, '; ');
  }

  get output(): NodeJS.ReadableStream {
    return this.#process.stdout;
  }

  /** Its input and output as one stream. */
  stdio(): Duplex {
    return Duplex.from({ readable: this.#process.stdout, writable: this.#process.stdin });
  }

  /** How it ended and what it said last, as a sentence. */
  async farewell(): Promise<string> {
    const how = `${this.command} ${await this.exited}`;
    return this.errors === '' ? how : `${how}: ${this.errors}`;
  }

  /**
   * Ends it: closes its input, then TERM, then KILL, each after a while. Idempotent.
   * @param minds whether the end of its input ends it; if not, TERM comes at once.
   */
  async end(clock: Clock, minds: 'input' | 'signals' = 'input'): Promise<void> {
    if (this.#ended) return;
    this.#process.stdin.end();
    if (minds === 'input' && (await this.#endsWithin(patienceMs, clock))) return;
    this.#process.kill('SIGTERM');
    if (await this.#endsWithin(patienceMs, clock)) return;
    this.#process.kill('SIGKILL');
    await this.exited;
  }

  async #endsWithin(milliseconds: number, clock: Clock): Promise<boolean> {
    const timer = new AbortController();
    const late = clock.sleep(milliseconds, timer.signal).catch(() => undefined);
    await Promise.race([this.exited, late]);
    timer.abort();
    return this.#ended;
  }
}
