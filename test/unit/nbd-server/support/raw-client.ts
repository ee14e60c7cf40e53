/** A client that sends bytes as its test makes them, over a pair of streams in memory that copies nothing. */
import { duplexPair, type Duplex } from 'node:stream';
import { expect } from 'vitest';
import {
  BASE_ALLOCATION,
  NbdServer,
  type NbdServerOptions,
  type ServedExport,
} from '../../../../src/nbd/index.js';
import { join, u16, u32, u64 } from '../../nbd/support/bytes.js';
import { ManualClock } from '../../nbd/support/manual-clock.js';
import { MemoryStorage } from './memory-storage.js';

/** Two ends of a connection; one that is destroyed before it ended cuts the other off. */
export function pipe(): [Duplex, Duplex] {
  const [one, other] = duplexPair();
  const cut = (end: Duplex, peer: Duplex) =>
    end.once('close', () => {
      if (!end.writableFinished) peer.destroy();
    });
  cut(one, other);
  cut(other, one);
  return [one, other];
}

export const string = (text: string | Uint8Array): Buffer => join(u32(join(text).length), text);

export const option = (number: number, data: Uint8Array | string = '', length?: number): Buffer =>
  join('IHAVEOPT', u32(number), u32(length ?? join(data).length), data);

/** The data of NBD_OPT_INFO and NBD_OPT_GO. */
export const goData = (name: string, ...information: number[]): Buffer =>
  join(string(name), u16(information.length), ...information.map(u16));

/** The data of NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT. */
export const contextData = (name: string, ...queries: string[]): Buffer =>
  join(string(name), u32(queries.length), ...queries.map(string));

export interface RawRequest {
  readonly type: number;
  readonly flags?: number;
  readonly cookie?: number | bigint;
  readonly offset?: number | bigint;
  readonly length?: number;
  readonly data?: Uint8Array;
}

export const request = (given: RawRequest): Buffer => {
  const { type, flags = 0, cookie = 1, offset = 0, data = Buffer.alloc(0) } = given;
  const length = given.length ?? data.length;
  return join(u32(0x25609513), u16(flags), u16(type), u64(cookie), u64(offset), u32(length), data);
};

/** One reply to an option. */
export interface RawOptionReply {
  readonly option: number;
  readonly type: number;
  readonly data: Buffer;
}

/** A simple reply, or a chunk. */
export interface RawReply {
  readonly cookie: bigint;
  readonly error?: number;
  readonly type?: number;
  readonly done: boolean;
  readonly data: Buffer;
}

export class RawClient {
  #received: Buffer[] = [];
  #length = 0;
  #wanted: (() => void) | undefined;
  closed = false;

  constructor(readonly stream: Duplex) {
    const over = () => {
      this.closed = true;
      this.#wanted?.();
    };
    stream.on('data', (bytes: Buffer) => {
      this.#received.push(bytes);
      this.#length += bytes.length;
      this.#wanted?.();
    });
    stream.on('error', over);
    stream.on('end', over);
    stream.on('close', over);
  }

  /** Bytes that have arrived and were not asked for. */
  get unread(): number {
    return this.#length;
  }

  send(...parts: readonly (Uint8Array | string)[]): void {
    this.stream.write(join(...parts));
  }

  /** The next `count` bytes; fails when the connection ends before. */
  async receive(count: number): Promise<Buffer> {
    while (this.#length < count) {
      if (this.closed) throw new Error(`The server left, ${this.#length} of ${count} bytes came.`);
      await new Promise<void>((resolve) => (this.#wanted = resolve));
      this.#wanted = undefined;
    }
    const all = Buffer.concat(this.#received);
    this.#received = [all.subarray(count)];
    this.#length -= count;
    return all.subarray(0, count);
  }

  /** What still came until the server ended the connection. */
  async rest(): Promise<Buffer> {
    while (!this.closed) await new Promise<void>((resolve) => (this.#wanted = resolve));
    return Buffer.concat(this.#received);
  }

  /** Takes the greeting and answers it. */
  async greet(flags = 3): Promise<this> {
    expect(await this.receive(18)).toEqual(join('NBDMAGIC', 'IHAVEOPT', u16(3)));
    this.send(u32(flags));
    return this;
  }

  async optionReply(): Promise<RawOptionReply> {
    const header = await this.receive(20);
    expect(header.readBigUInt64BE(0)).toBe(0x3e889045565a9n);
    const data = await this.receive(header.readUInt32BE(16));
    return { option: header.readUInt32BE(8), type: header.readUInt32BE(12), data };
  }

  /** All replies to an option, the last of which acknowledges or refuses. */
  async ask(number: number, data: Uint8Array | string = ''): Promise<RawOptionReply[]> {
    this.send(option(number, data));
    const replies: RawOptionReply[] = [];
    do replies.push(await this.optionReply());
    while (replies.at(-1)!.type !== 1 && replies.at(-1)!.type < 2 ** 31);
    expect(new Set(replies.map((reply) => reply.option))).toEqual(new Set([number]));
    return replies;
  }

  /** Enters transmission. */
  async go(name: string, contexts?: readonly string[]): Promise<this> {
    await this.greet();
    if (contexts) {
      await this.ask(8);
      await this.ask(10, contextData(name, ...contexts));
    }
    expect((await this.ask(7, goData(name))).at(-1)!.type).toBe(1);
    return this;
  }

  /** The next message of the transmission; `data` is how many bytes of data follow a simple reply. */
  async reply(data = 0): Promise<RawReply> {
    const magic = (await this.receive(4)).readUInt32BE(0);
    if (magic === 0x67446698) {
      const header = await this.receive(12);
      const error = header.readUInt32BE(0);
      const cookie = header.readBigUInt64BE(4);
      return { cookie, error, done: true, data: await this.receive(error === 0 ? data : 0) };
    }
    expect(magic).toBe(0x668e33ef);
    const header = await this.receive(16);
    return {
      done: header.readUInt16BE(0) === 1,
      type: header.readUInt16BE(2),
      cookie: header.readBigUInt64BE(4),
      data: await this.receive(header.readUInt32BE(12)),
    };
  }

  /** Sends a request, and returns its reply when that is an error: number and message. */
  async failure(given: RawRequest): Promise<[errno: number, message: string]> {
    this.send(request(given));
    const { error, type, data } = await this.reply();
    if (error !== undefined) return [error, ''];
    expect(type).toBe(0x8001);
    expect(data.readUInt16BE(4)).toBe(data.length - 6);
    return [data.readUInt32BE(0), data.toString('utf8', 6)];
  }
}

export interface Served {
  readonly server: NbdServer;
  readonly storage: MemoryStorage;
  readonly clock: ManualClock;
  readonly said: string[];
  readonly connect: () => RawClient;
  /** A stream that the server serves, and the promise of its end. */
  readonly open: () => { stream: Duplex; gone: Promise<void> };
}

export const DIRTY = 'qemu:dirty-bitmap:b0';
export const MIB = 2 ** 20;

/** A server with the export `disk`, of 1 MiB unless told otherwise. */
export function serve(
  given: Partial<ServedExport> & { readonly size?: number } = {},
  options: NbdServerOptions = {},
): Served {
  const { size = MIB, ...rest } = given;
  const clock = new ManualClock();
  const said: string[] = [];
  const logger = { log: (level: string, message: string) => said.push(`${level}: ${message}`) };
  const server = new NbdServer({ clock, logger, ...options });
  const storage = new MemoryStorage(size);
  server.addExport({
    name: 'disk',
    storage,
    readOnly: false,
    metaContexts: [BASE_ALLOCATION, DIRTY],
    canMultiConn: true,
    ...rest,
  });
  let count = 0;
  const open = () => {
    const [stream, its] = pipe();
    return { stream, gone: server.serve(its, `client ${++count}`) };
  };
  return { server, storage, clock, said, open, connect: () => new RawClient(open().stream) };
}
