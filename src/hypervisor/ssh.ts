/**
 * Sockets of another machine, brought here by the system's ssh: `ssh -L LOCAL:REMOTE` between unix
 * sockets. The remote command waits for the end of its input, so that nothing stays on the other
 * machine when this process ends, however it ends.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cancellable } from '../base/cancel.js';
import type { Clock } from '../base/clock.js';
import { ConnectError, TimeoutError } from '../base/errors.js';
import { Child } from './child.js';

/** Whom to ask; what ssh's own configuration says of the host holds as well. */
export interface SshTarget {
  readonly user?: string;
  readonly host: string;
  readonly port?: number;
}

export interface SshTunnelOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** The command to use; `ssh` unless told. */
  readonly ssh?: string;
  /** How long ssh may take until it is through, in milliseconds; 30,000 unless told. */
  readonly timeoutMs?: number;
  /** A directory to make on the other machine (mode 0700) for as long as the tunnel stands; a plain path. */
  readonly remoteDirectory?: string;
}

const ready = 'migrascope-ready';

/** A unix socket here that leads to one on another machine. */
export class SshTunnel {
  /** Path of the socket on this machine, in a directory that only this user can enter. */
  readonly path: string;
  readonly #child: Child;
  readonly #directory: string;
  readonly #clock: Clock;

  private constructor(path: string, child: Child, directory: string, clock: Clock) {
    this.path = path;
    this.#child = child;
    this.#directory = directory;
    this.#clock = clock;
  }

  /**
   * @param remotePath absolute path of the socket on the other machine; it need not be there yet.
   * @throws ConnectError with ssh's own words when it fails; TimeoutError, CancelledError.
   */
  static async open(
    target: SshTarget,
    remotePath: string,
    options: SshTunnelOptions,
  ): Promise<SshTunnel> {
    const directory = await mkdtemp(join(tmpdir(), 'migrascope-ssh-'));
    const local = join(directory, 'socket');
    const args = sshArguments(target, `${local}:${remotePath}`, options.remoteDirectory);
    const child = new Child(options.ssh ?? 'ssh', args);
    const tunnel = new SshTunnel(local, child, directory, options.clock);
    try {
      await tunnel.#awaitReady(target, options);
    } catch (error) {
      await tunnel.close();
      throw error;
    }
    return tunnel;
  }

  /** What ssh said last, for the message of an error on what came through it. */
  get errors(): string {
    return this.#child.errors;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#child.end(this.#clock);
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #awaitReady(
    target: SshTarget,
    { clock, signal, timeoutMs = 30_000 }: SshTunnelOptions,
  ): Promise<void> {
    const what = `Reaching ${target.host} by ssh`;
    const timer = new AbortController();
    const said = new Promise<void>((resolve) => {
      let text = '';
      this.#child.output.on('data', (chunk: Uint8Array) => {
        text = (text + Buffer.from(chunk).toString('latin1')).slice(-4096);
        if (text.includes(ready)) resolve();
      });
    });
    const failed = this.#child.farewell().then((farewell) => {
      throw new ConnectError(`${what} failed: ${farewell}.`, {
        hint: this.#child.missing
          ? 'Install the OpenSSH client.'
          : `Try "ssh ${target.host} true": it has to work without a question (key, known host).`,
      });
    });
    const late = clock.sleep(timeoutMs, timer.signal).then(
      () => Promise.reject(new TimeoutError(`${what} took longer than ${timeoutMs / 1000} s.`)),
      () => new Promise<never>(() => undefined),
    );
    try {
      await cancellable(Promise.race([said, failed, late]), signal, what);
    } finally {
      timer.abort();
    }
  }
}

function sshArguments(
  { user, host, port }: SshTarget,
  forward: string,
  directory: string | undefined,
): string[] {
  const wait = `echo ${ready}; cat >/dev/null`;
  const script =
    directory === undefined
      ? wait
      : `umask 077 && mkdir ${directory} && { ${wait}; rm -f ${directory}/*; rmdir ${directory}; }`;
  const options = ['BatchMode=yes', 'ExitOnForwardFailure=yes', 'StreamLocalBindMask=0177'];
  options.push('ServerAliveInterval=15', 'ControlPath=none', 'ClearAllForwardings=no');
  return [
    '-T',
    ...options.flatMap((option) => ['-o', option]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    '-L',
    forward,
    '--',
    host,
    `sh -c '${script}'`,
  ];
}
