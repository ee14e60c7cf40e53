/** The guest's side of the protocol in memory: answers by a script. */
import type { Duplex } from 'node:stream';
import { crc32 } from 'node:zlib';
import { connectedPair } from './pair.js';

export interface Request {
  readonly id: string;
  readonly method: string;
  readonly params: Record<string, unknown>;
}

export type Script = (request: Request, probe: ScriptedProbe) => void;

export const hello = {
  protocol: '1.0',
  probe: '0.1.0',
  method: 'kcore',
  methodReasons: [],
  kernel: '6.12.0',
  bootId: 'boot',
  dirtyExpireMs: 30_000,
  dirtyWritebackMs: 5_000,
  monotonicMs: 10,
  disks: [{ name: 'vda', size: 1 << 30, serial: 'alpha', pci: '00:02.0' }],
};

export const header = {
  sequence: 1,
  method: 'kcore',
  startMs: 5,
  endMs: 6,
  restarts: 0,
  givenUp: 0,
  unmappedBytes: {},
  journals: [],
};

export class ScriptedProbe {
  readonly host: Duplex;
  readonly requests: Request[] = [];
  readonly #guest: Duplex;
  #rest = '';

  constructor(private readonly script: Script = answerEverything) {
    [this.host, this.#guest] = connectedPair();
    this.#guest.on('data', (chunk: Buffer) => this.#take(chunk.toString('utf8')));
    this.#guest.on('error', () => undefined);
  }

  /** Methods that were asked for, in order. */
  get methods(): string[] {
    return this.requests.map(({ method }) => method);
  }

  send(message: unknown): void {
    this.sendText(`${JSON.stringify(message)}\n`);
  }

  sendText(text: string | Buffer): void {
    this.#guest.write(text);
  }

  result(request: Request, result: unknown): void {
    this.send({ id: request.id, result });
  }

  error(request: Request, code: string, message: string): void {
    this.send({ id: request.id, error: { code, message } });
  }

  /** Sends a report from its parts; `change` may spoil its last line. */
  report(
    request: Request,
    parts: readonly object[],
    end: { readonly files: number; readonly extents: number } = { files: 0, extents: 0 },
    change: object = {},
  ): void {
    let sum = 0;
    for (const part of parts) {
      const line = `${JSON.stringify({ id: request.id, ...part })}\n`;
      sum = crc32(line, sum);
      this.sendText(line);
    }
    this.result(request, { sequence: 1, ...end, crc32: sum, ...change });
  }

  /** Ends the connection as a guest does that is gone. */
  hangUp(): void {
    this.#guest.destroy();
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      if (line === '') continue;
      const request = JSON.parse(line) as Request;
      this.requests.push(request);
      this.script(request, this);
    }
  }
}

/** What a probe in order does. */
export function answerEverything(request: Request, probe: ScriptedProbe): void {
  if (request.method === 'hello') probe.result(request, hello);
  else if (request.method === 'snapshot') probe.report(request, [{ report: header }]);
  else if (request.method === 'drain')
    probe.result(request, { writtenBytes: 4096, skippedBytes: 0, tookMs: 3 });
  else if (request.method === 'trim') probe.result(request, { trimmedBytes: 8192 });
  else probe.result(request, {});
}
