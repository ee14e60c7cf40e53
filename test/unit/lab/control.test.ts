import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlPort } from '../../../src/lab/index.js';

/** The guest's end of the port, in the test's hands. */
class FakePort {
  readonly #folder = mkdtempSync(join(tmpdir(), 'migrascope-control-'));
  readonly path = join(this.#folder, 'control');
  received = '';
  socket: Socket | undefined;
  #server: Server | undefined;
  #heard: () => void = () => undefined;

  async listen(): Promise<void> {
    this.#server = createServer((socket) => {
      this.socket = socket;
      socket.on('error', () => undefined);
      socket.on('data', (data: Buffer) => {
        this.received += data.toString();
        this.#heard();
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(this.path, resolve));
  }

  /** Resolves once what came in ends so. */
  async hears(end: string): Promise<void> {
    while (!this.received.endsWith(end))
      await new Promise<void>((resolve) => (this.#heard = resolve));
  }

  async close(): Promise<void> {
    this.socket?.destroy();
    await new Promise((resolve) => this.#server?.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

describe('the control port', () => {
  let guest: FakePort;
  let port: ControlPort;

  beforeEach(async () => {
    guest = new FakePort();
    await guest.listen();
    port = await ControlPort.open(guest.path);
  });

  afterEach(async () => {
    port.close();
    await guest.close();
  });

  it('sends a command by its length in bytes, and gives status and output', async () => {
    const result = port.run('echo ü');
    await guest.hears('ü');
    expect(guest.received).toBe('1 7\necho ü');
    guest.socket?.write('1 3 6\nü\n1 2');
    expect(await result).toEqual({ status: 3, output: 'ü\n1 2' });
  });

  it('takes answers in any fragmentation, and several in one', async () => {
    const [first, second] = [port.run('a'), port.run('b')];
    await guest.hears('b');
    for (const byte of Buffer.from('1 0 2\nxy2 1 0\n')) {
      guest.socket?.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await first).toEqual({ status: 0, output: 'xy' });
    expect(await second).toEqual({ status: 1, output: '' });
  });

  it('fails what waits when it is closed', async () => {
    const result = port.run('a');
    await guest.hears('a');
    guest.socket?.destroy();
    await expect(result).rejects.toMatchObject({
      kind: 'lab',
      message: expect.stringMatching(/^The control port .* was closed/) as string,
    });
  });

  it('fails what waits when it hears something else than an answer', async () => {
    const result = port.run('a');
    await guest.hears('a');
    guest.socket?.write('nonsense\n');
    await expect(result).rejects.toMatchObject({
      kind: 'lab',
      message: expect.stringMatching(/^The control port .* said something else/) as string,
    });
  });

  it('fails a command after its time, and goes on with the next', async () => {
    await expect(port.run('a', { timeoutMs: 1 })).rejects.toMatchObject({
      kind: 'timeout',
      message: 'The guest did not finish within 1 ms: a',
    });
    const next = port.run('b');
    await guest.hears('b');
    guest.socket?.write('1 0 4\nlate2 0 0\n');
    expect(await next).toEqual({ status: 0, output: '' });
  });

  it('fails a command that is cancelled', async () => {
    const cancel = new AbortController();
    const result = port.run('a', { signal: cancel.signal });
    cancel.abort();
    await expect(result).rejects.toMatchObject({
      kind: 'cancelled',
      message: "The guest's command was cancelled: a",
    });
  });

  it('refuses a command that the guest would not take', async () => {
    await expect(port.run('x'.repeat(64 * 1024 + 1))).rejects.toMatchObject({
      kind: 'lab',
      message: 'A command for the guest can have 64 KiB at most.',
    });
  });

  it('says so when nobody listens', async () => {
    await expect(ControlPort.open(`${guest.path}-not`)).rejects.toMatchObject({
      kind: 'lab',
      message: `The guest's control port ${guest.path}-not can't be reached.`,
    });
  });
});
