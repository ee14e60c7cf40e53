/** An NBD server that does as its test says, over an in-memory pair of streams. */
import {
  connectNbdOver,
  type NbdConnection,
  type NbdStreamOptions,
} from '../../../../src/nbd/index.js';
import { greeting, infoBlockSize, infoExport, optionReply, u32, join } from './bytes.js';
import { streamPair, type StreamEnd } from './stream-pair.js';

/** Cuts what the server sends; `sent` is how much it had sent before. */
export type Fragmenter = (bytes: Buffer, sent: number) => readonly Buffer[];

export interface FakeRequest {
  readonly flags: number;
  readonly type: number;
  readonly cookie: number;
  readonly offset: number;
  readonly length: number;
  readonly data: Buffer;
}

/** What a server that behaves states of its export. */
export interface FakeExport {
  readonly size: number;
  readonly flags: number;
  readonly blockSizes?: readonly [minimum: number, preferred: number, maximum: number];
  readonly structured: boolean;
  /** Granted contexts: name and id. */
  readonly contexts: readonly (readonly [name: string, id: number])[];
}

/** Everything but read-only and rotational. */
export const ALL_FLAGS = 0b1001_1110_1101;

export const DEFAULT_EXPORT: FakeExport = {
  size: 2 ** 20,
  flags: ALL_FLAGS,
  structured: true,
  contexts: [],
};

export class FakeServer {
  #received: Buffer[] = [];
  #wanted: (() => void) | undefined;
  #sent = 0;
  #closed = false;

  constructor(
    readonly stream: StreamEnd,
    private readonly fragment: Fragmenter = (bytes) => [bytes],
  ) {
    stream.on('data', (bytes: Buffer) => {
      this.#received.push(bytes);
      this.#wanted?.();
    });
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.#closed = true;
      this.#wanted?.();
    });
    stream.on('end', () => {
      this.#closed = true;
      this.#wanted?.();
    });
  }

  /** Whether the client has ended the connection. */
  get closed(): boolean {
    return this.#closed;
  }

  send(...parts: readonly Buffer[]): void {
    for (const bytes of this.fragment(join(...parts), this.#sent)) {
      this.stream.write(bytes);
      this.#sent += bytes.length;
    }
  }

  /** The next `count` bytes from the client; fails when the connection ends before. */
  async receive(count: number): Promise<Buffer> {
    for (;;) {
      const all = Buffer.concat(this.#received);
      if (all.length >= count) {
        this.#received = [all.subarray(count)];
        return all.subarray(0, count);
      }
      if (this.#closed) throw new Error(`The client left, ${all.length} of ${count} bytes came.`);
      await new Promise<void>((resolve) => (this.#wanted = resolve));
      this.#wanted = undefined;
    }
  }

  /** Resolves when the client has ended the connection; returns what it had sent and nobody read. */
  async untilClosed(): Promise<Buffer> {
    while (!this.#closed) await new Promise<void>((resolve) => (this.#wanted = resolve));
    return Buffer.concat(this.#received);
  }

  async greet(): Promise<number> {
    this.send(greeting());
    return (await this.receive(4)).readUInt32BE();
  }

  async option(): Promise<{ option: number; data: Buffer }> {
    const header = await this.receive(16);
    const data = await this.receive(header.readUInt32BE(12));
    return { option: header.readUInt32BE(8), data };
  }

  /** Answers the whole handshake as a server that behaves. */
  async handshake(given: Partial<FakeExport> = {}): Promise<void> {
    const { size, flags, blockSizes, structured, contexts } = { ...DEFAULT_EXPORT, ...given };
    await this.greet();
    for (;;) {
      const { option } = await this.option();
      if (option === 8) this.send(optionReply(8, structured ? 1 : 2 ** 31 + 1));
      if (option === 10) {
        for (const [name, id] of contexts) this.send(optionReply(10, 4, join(u32(id), name)));
        this.send(optionReply(10, 1));
      }
      if (option === 7) {
        this.send(optionReply(7, 3, infoExport(size, flags)));
        if (blockSizes) this.send(optionReply(7, 3, infoBlockSize(...blockSizes)));
        this.send(optionReply(7, 1));
        return;
      }
    }
  }

  async request(): Promise<FakeRequest> {
    const header = await this.receive(28);
    const type = header.readUInt16BE(6);
    const length = header.readUInt32BE(24);
    return {
      flags: header.readUInt16BE(4),
      type,
      cookie: Number(header.readBigUInt64BE(8)),
      offset: Number(header.readBigUInt64BE(16)),
      length,
      data: type === 1 ? await this.receive(length) : Buffer.alloc(0),
    };
  }
}

export interface Pair {
  /** The client's end of the connection. */
  readonly near: StreamEnd;
  readonly server: FakeServer;
  readonly connecting: Promise<NbdConnection>;
}

/** A client that connects to a fake server which has said nothing yet. */
export function startClient(options: NbdStreamOptions = {}, fragment?: Fragmenter): Pair {
  const [near, far] = streamPair();
  const server = new FakeServer(far, fragment);
  const connecting = connectNbdOver(near, { name: 'the fake server', ...options });
  connecting.catch(() => undefined);
  return { near, server, connecting };
}

/** A client and its server after a handshake; the granted contexts are also those asked for. */
export async function connected(
  given: Partial<FakeExport> = {},
  options: NbdStreamOptions = {},
  fragment?: Fragmenter,
): Promise<{ near: StreamEnd; server: FakeServer; client: NbdConnection }> {
  const metaContexts = (given.contexts ?? []).map(([name]) => name);
  const { near, server, connecting } = startClient({ metaContexts, ...options }, fragment);
  await server.handshake(given);
  return { near, server, client: await connecting };
}

/** An error with what the classes of src/base/errors.ts carry. */
export interface Rejection extends Error {
  readonly kind?: string;
  readonly hint?: string;
  readonly errno?: number;
  readonly replyType?: number;
}

/** What a promise rejected with; fails when it did not. */
export async function rejection(promise: Promise<unknown>): Promise<Rejection> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof Error) return outcome;
  throw new Error('The promise did not reject.');
}

/** What each of the promises rejected with; heard from the start. */
export function rejections(promises: readonly Promise<unknown>[]): Promise<Rejection[]> {
  return Promise.all(promises.map(rejection));
}

/** Lets everything that is due in memory happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
