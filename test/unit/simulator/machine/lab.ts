/** A simulated machine for tests: in memory, on a clock that leaps, with an NBD server that only keeps what it is given. */
import type { Duplex } from 'node:stream';
import { silentLogger } from '../../../../src/base/logger.js';
import { openQmp } from '../../../../src/hypervisor/index.js';
import type { QmpClient } from '../../../../src/hypervisor/index.js';
import type { ServedExport } from '../../../../src/nbd/server/types.js';
import type { PayloadPiece } from '../../../../src/nbd/types.js';
import { SimulatedFiles, SimulatedMachine } from '../../../../src/simulator/machine/index.js';
import type {
  ListenPurpose,
  MachineHost,
  NbdService,
  SerialPort,
  SocketAddress,
} from '../../../../src/simulator/machine/index.js';
import type { Image } from '../../../../src/simulator/types.js';
import { streamPair } from '../../nbd/support/stream-pair.js';
import { SimulatedClock } from '../../../../src/simulator/clock.js';

const PAGE = 4096;
const HOLE_AND_ZERO = 3;

/** Bytes in an array, and which of their pages are holes; a version fills its page with its number. */
export class MemoryImage implements Image {
  readonly bytes: Buffer;
  readonly #held: Uint8Array;

  constructor(readonly size: number) {
    this.bytes = Buffer.alloc(size);
    this.#held = new Uint8Array(Math.ceil(size / PAGE));
  }

  read(offset: number, length: number): readonly PayloadPiece[] {
    return [{ hole: false, data: Buffer.from(this.bytes.subarray(offset, offset + length)) }];
  }

  write(offset: number, data: readonly Uint8Array[]): void {
    const whole = Buffer.concat(data);
    whole.copy(this.bytes, offset);
    this.#hold(offset, whole.length, 1);
  }

  stamp(first: number, count: number, version: number): void {
    this.bytes.fill(version, first * PAGE, (first + count) * PAGE);
    this.#hold(first * PAGE, count * PAGE, 1);
  }

  zero(offset: number, length: number, hole: boolean): void {
    this.bytes.fill(0, offset, offset + length);
    this.#hold(offset, length, hole ? 0 : 1);
  }

  allocation(
    offset: number,
    length: number,
    visit: (offset: number, length: number, flags: number) => boolean,
  ): void {
    for (let at = offset; at < offset + length; at += PAGE) {
      const flags = this.#held[Math.floor(at / PAGE)] === 1 ? 0 : HOLE_AND_ZERO;
      if (!visit(at, Math.min(PAGE, offset + length - at), flags)) return;
    }
  }

  firstDifference(other: Image): number | undefined {
    const theirs = bytesOf(other);
    const index = this.bytes.findIndex((byte, at) => byte !== theirs[at]);
    return index < 0 ? undefined : index;
  }

  #hold(offset: number, length: number, held: 0 | 1): void {
    this.#held.fill(held, Math.floor(offset / PAGE), Math.ceil((offset + length) / PAGE));
  }
}

/** The bytes of an image that a lab made. */
export function bytesOf(image: Image | undefined): Buffer {
  if (image instanceof MemoryImage) return image.bytes;
  throw new Error('No image of a lab.');
}

/** Keeps exports; its clients are names that a test sets. */
export class FakeNbd implements NbdService {
  readonly served = new Map<string, ServedExport>();
  readonly clients = new Map<string, readonly string[]>();
  /** How each export was removed. */
  readonly removed: [string, boolean][] = [];
  closed = false;

  addExport(served: ServedExport): void {
    this.served.set(served.name, served);
  }

  removeExport(name: string, { hard }: { hard: boolean }): Promise<void> {
    this.served.delete(name);
    this.removed.push([name, hard]);
    return Promise.resolve();
  }

  clientsOf(name: string): readonly string[] {
    return this.clients.get(name) ?? [];
  }

  serve(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

export class FakeHost implements MachineHost {
  readonly listening = new Map<string, ListenPurpose['type']>();
  readonly nbd: FakeNbd[] = [];
  readonly pressedButtons: string[] = [];
  ports: readonly SerialPort[] = [];
  endedCount = 0;

  listen(address: SocketAddress, { type }: ListenPurpose) {
    const place = JSON.stringify(address.data);
    if (this.listening.has(place)) {
      return Promise.reject(Object.assign(new Error('taken'), { code: 'EADDRINUSE' }));
    }
    this.listening.set(place, type);
    return Promise.resolve({
      close: () => Promise.resolve(void this.listening.delete(place)),
    });
  }

  createNbdServer(): NbdService {
    const server = new FakeNbd();
    this.nbd.push(server);
    return server;
  }

  portsChanged(ports: readonly SerialPort[]): void {
    this.ports = ports;
  }

  pressed(button: string): void {
    this.pressedButtons.push(button);
  }

  ended(): void {
    this.endedCount += 1;
  }
}

export const DISK_BYTES = 1024 * 1024;

export interface TestMachine {
  readonly clock: SimulatedClock;
  readonly files: SimulatedFiles;
  readonly host: FakeHost;
  readonly machine: SimulatedMachine;
  /** The disk's image from the start. */
  readonly image: MemoryImage;
  readonly qmp: QmpClient;
  /** Any command, whether the client knows it or not. */
  readonly run: (command: string, args?: unknown) => Promise<unknown>;
  /** The names of events, in their order; more of them as they come. */
  readonly events: { readonly event: string; readonly data?: Record<string, unknown> }[];
}

/** A machine with the disk `disk0` of 1 MiB, device `vd0`, and a client on its monitor. */
export async function startMachine(): Promise<TestMachine> {
  const clock = new SimulatedClock();
  const createImage = ({ size }: { size: number }): Image => new MemoryImage(size);
  const files = new SimulatedFiles({ createImage, seed: 1 });
  const image = new MemoryImage(DISK_BYTES);
  files.put('/simulated/disk0.raw', image);
  const host = new FakeHost();
  const machine = await SimulatedMachine.start({
    clock,
    logger: silentLogger,
    files,
    createImage,
    host,
    disks: [{ id: 'vd0', node: 'disk0', path: '/simulated/disk0.raw', serial: 'SERIAL0' }],
    ports: [
      {
        id: 'probe',
        name: 'org.migrascope.probe.0',
        chardev: 'probe-host',
        listen: { type: 'unix', data: { path: '/tmp/probe' } },
      },
    ],
  });
  const monitor = machine.addMonitor();
  const qmp = await connect((stream) => monitor.attach(stream), clock);
  const events: { event: string; data?: Record<string, unknown> }[] = [];
  const listener = new RawClient((stream) => machine.addMonitor().attach(stream));
  await listener.negotiate();
  listener.onMessage = (message) => {
    if (typeof message['event'] === 'string') events.push(message as { event: string });
  };
  return {
    clock,
    files,
    host,
    machine,
    image,
    qmp,
    events,
    run: (command, args = {}) => qmp.execute(command as 'query-status', args as never),
  };
}

/** The engine's own client on a monitor. */
export async function connect(
  attach: (stream: Duplex) => void,
  clock = new SimulatedClock(),
): Promise<QmpClient> {
  const [client, server] = streamPair();
  attach(server);
  return openQmp(client, { name: 'simulated', clock, logger: silentLogger });
}

type Message = Record<string, unknown>;

/** A client that sends what a test wants, and reads whole lines. */
export class RawClient {
  readonly stream: Duplex;
  readonly messages: Message[] = [];
  onMessage: ((message: Message) => void) | undefined;
  #rest = '';

  constructor(attach: (stream: Duplex) => void) {
    const [client, server] = streamPair();
    this.stream = client;
    client.on('data', (chunk: Buffer) => this.#receive(chunk.toString()));
    client.on('error', () => undefined);
    attach(server);
  }

  send(text: string | Buffer): void {
    this.stream.write(text);
  }

  /** Waits until so many messages are there, and takes them. */
  async take(count = 1): Promise<Message[]> {
    for (let turn = 0; this.messages.length < count; turn++) {
      if (turn > 1000) throw new Error(`Only ${this.messages.length} of ${count} messages came.`);
      await settle();
    }
    return this.messages.splice(0, count);
  }

  async negotiate(): Promise<void> {
    await this.take();
    this.send('{"execute": "qmp_capabilities"}');
    await this.take();
  }

  /** Sends a message and takes the answer. */
  async ask(message: unknown): Promise<Message> {
    this.send(`${JSON.stringify(message)}\n`);
    return (await this.take())[0]!;
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split('\r\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const message = JSON.parse(line) as Message;
      this.messages.push(message);
      this.onMessage?.(message);
    }
  }
}

/** Everything that can go on without time has gone on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; !holds(); turn++) {
    if (turn > 1000) throw new Error('It did not come about.');
    await settle();
  }
}
