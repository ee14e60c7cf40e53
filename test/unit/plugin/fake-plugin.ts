/** A plugin's program in memory, which answers as a test tells it, soundly or not. */
import { PassThrough } from 'node:stream';
import { LineReader } from '../../../src/base/line-reader.js';
import type {
  PluginDescription,
  PluginExit,
  StartPluginProcess,
} from '../../../src/plugin/index.js';

export const DESCRIPTION: PluginDescription = {
  name: 'fake',
  roles: ['policy'],
  command: ['fake'],
  environment: [],
  watch: [],
  folder: '/plugins/fake',
};

export interface Asked {
  readonly id?: number;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What a fake can do beside answering. */
export interface FakeHands {
  /** Writes to its output as it is. */
  write(text: string): void;
  /** Writes to its log. */
  log(text: string): void;
  exit(code: number): void;
  /** How often it was started, this time included. */
  readonly starts: number;
}

export const SILENT = Symbol('no answer');

/** Gives the result for a request, or SILENT; what it throws is answered as an error. */
export type FakeAnswer = (asked: Asked, hands: FakeHands) => unknown;

export interface Fake {
  readonly start: StartPluginProcess;
  /** Every message that came, of all its lives. */
  readonly heard: Asked[];
  readonly signals: string[];
  /** What it reads from, of each of its lives. */
  readonly inputs: PassThrough[];
  readonly starts: number;
}

export const GREETING = {
  protocol: '1.0',
  plugin: { name: 'fake', version: '1' },
  roles: ['policy'],
  capabilities: {},
};

/** Answers `initialize`, `shutdown` and `policy/begin` soundly, and asks `answer` first. */
export function fakePlugin(
  answer: FakeAnswer = () => undefined,
  stubborn: { readonly ignoresEnd?: true; readonly ignoresTerm?: true } = {},
): Fake {
  const heard: Asked[] = [];
  const signals: string[] = [];
  const inputs: PassThrough[] = [];
  let starts = 0;
  const start: StartPluginProcess = () => {
    starts++;
    const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()];
    inputs.push(input);
    let exit!: (exit: PluginExit) => void;
    const exited = new Promise<PluginExit>((resolve) => (exit = resolve));
    const hands: FakeHands = {
      write: (text) => void output.write(text),
      log: (text) => void errors.write(text),
      exit: (code) => {
        output.end();
        errors.end();
        exit({ how: `ended with exit code ${code}`, code });
      },
      starts,
    };
    const lines = new LineReader('the host', 2 ** 28);
    input.on('data', (chunk: Buffer) => {
      for (const line of lines.push(chunk)) {
        const asked = JSON.parse(line) as Asked;
        heard.push(asked);
        reply(asked, hands, answer);
      }
    });
    input.on('end', () => {
      if (!stubborn.ignoresEnd) hands.exit(0);
    });
    return {
      ...{ input, output, errors, exited },
      kill: (signal) => {
        signals.push(signal);
        if (signal === 'SIGTERM' && stubborn.ignoresTerm) return;
        output.end();
        exit({ how: `was ended by ${signal}` });
      },
    };
  };
  return {
    start,
    heard,
    signals,
    inputs,
    get starts() {
      return starts;
    },
  };
}

function reply(asked: Asked, hands: FakeHands, answer: FakeAnswer): void {
  const { id, method } = asked;
  const say = (message: object) =>
    hands.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...message })}\n`);
  try {
    const told = answer(asked, hands);
    if (id === undefined || told === SILENT) return;
    if (told !== undefined) say({ result: told });
    else if (method === 'initialize') say({ result: GREETING });
    else if (method === 'shutdown' || method === 'policy/begin') say({ result: {} });
    else say({ error: { code: -32601, message: `There is no method ${method}.` } });
  } catch (error) {
    say({ error: { code: -32000, message: String(error) } });
  }
}
