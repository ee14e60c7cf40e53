/** The control socket: requests by themselves, and the server with a controller that says anything. */
import fc from 'fast-check';
import { ControlServer, EventLog, Steering, type RunHandle } from '../../../src/engine/index.js';
import { LONGEST_REQUEST, parseRequest } from '../../../src/engine/control/messages.js';
import type { Random } from '../../unit/support/random.js';
import { wholeOf, type FuzzInput } from '../harness/input.js';
import { Session } from '../harness/session.js';
import { Tape } from '../harness/tape.js';
import { must, verdictOf, type FuzzTarget, type Verdict } from '../harness/target.js';
import { mutateJson } from '../mutate/json.js';
import { arbitrary, arrival, asLine, linesIn, mutateTurns } from '../mutate/turns.js';
import { linesBy } from '../recording.js';
import { recordings } from '../recordings.js';

const requests = linesBy('reader', recordings.control);

const value = fc.oneof(
  fc.constantFrom<unknown>(null, {}, [], 0, 1, -1, 0.5, 2 ** 53, 'x', 'a script', true),
  fc.jsonValue({ maxDepth: 1 }),
);
const request = fc.record(
  {
    jsonrpc: fc.constantFrom('2.0', '2.0', '2.0', '2.0', '2.0', '1.0'),
    id: fc.oneof({ weight: 9, arbitrary: fc.nat(9) }, value),
    method: fc.constantFrom(
      ...['attach', 'state', 'detach', 'run', 'pause', 'cancel', 'step', 'limits', 'decide'],
      ...['__proto__', 'constructor', ''],
    ),
    params: fc.oneof(
      value,
      fc.record(
        {
          name: fc.oneof(fc.constantFrom('a script', '', '\ud800', 'x'.repeat(65)), value),
          from: fc.oneof(fc.nat(9), value),
          unit: fc.constantFrom('statement', 'batch', 'round', 'mile'),
          decision: fc.constantFrom('more-rounds', 'pause-anyway', 'cancel', 'toString'),
          maxBandwidth: value,
          downtimeLimitMs: value,
          maxRounds: value,
        },
        { requiredKeys: [] },
      ),
    ),
  },
  { requiredKeys: ['jsonrpc', 'id', 'method'] },
);

function makeRequest(random: Random): FuzzInput {
  const line = requests[random.below(requests.length)]!;
  const turns = random.chance(0.6)
    ? [mutateJson(line, random)]
    : [asLine(arbitrary(request, random))];
  return { turns, cuts: [], ending: 'end' };
}

function readRequest(input: FuzzInput): Verdict {
  return verdictOf(() => {
    const { id, request: asked } = parseRequest(wholeOf(input).toString());
    must(Number.isSafeInteger(id) && id >= 0, 'An id that is no count.');
    if (asked.method === 'attach') must(Array.from(asked.name).length <= 64, 'A long name.');
    if (asked.method === 'tell' && asked.command.command === 'limits')
      for (const limit of Object.values(asked.command.limits))
        must(limit === null || Number.isFinite(limit), 'A limit that is no number.');
  });
}

export const requestTarget: FuzzTarget = {
  name: 'control-request',
  about: 'one request to the control socket',
  share: 20,
  make: makeRequest,
  read: readRequest,
};

function make(random: Random): FuzzInput {
  if (random.chance(0.05)) {
    const flood = Buffer.alloc(LONGEST_REQUEST + random.below(10), '[');
    return { turns: [flood], ...arrival(random) };
  }
  const turns = random.chance(0.6)
    ? mutateTurns(requests, random, { lines: true })
    : arbitrary(fc.array(request, { maxLength: 8 }), random).map(asLine);
  return { turns, ...arrival(random) };
}

/** A log of three events that needs no file. */
function eventsInMemory(ended: Promise<void>): EventLog {
  const log = Object.create(EventLog.prototype) as EventLog;
  async function* follow(from: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    for (let number = from; number < 3; number++) yield Buffer.from(`{"seq":${number}}`);
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    if (!signal.aborted) await Promise.race([ended, aborted]);
  }
  return Object.defineProperties(log, {
    count: { value: 3 },
    follow: { value: follow },
    end: { value: () => undefined },
  });
}

function runToSteer(): RunHandle {
  return {
    limits: { maxBandwidth: null, downtimeLimitMs: 300, maxRounds: 30 },
    changeLimits: () => undefined,
    emit: (event) => void JSON.stringify(event),
  };
}

async function read(input: FuzzInput): Promise<Verdict> {
  const tape = new Tape(true);
  const session = new Session(tape);
  const { clock } = session;
  let over: () => void = () => undefined;
  const events = eventsInMemory(new Promise((resolve) => (over = resolve)));
  const steering = new Steering({ held: false, onLimit: 'ask' });
  steering.begin(runToSteer());
  const server = new ControlServer({ run: 'k3x9', version: '1.2.3', steering, events, clock });
  server.accept(tape);
  await session.tell(input);
  over();
  session.watch('the end of the run', server.end({ error: new Error('over') }));
  const verdict = await session.settle({ ...input, ending: 'silence' }, () => undefined);
  must(tape.destroyed, 'The connection is left open.');
  checkReplies(input, tape.said);
  return verdict === 'taken' && tape.said.includes('"error"') ? 'refused' : verdict;
}

/** Each line is a message, and no request has two replies. */
function checkReplies(input: FuzzInput, said: string): void {
  const asked = linesIn(wholeOf(input)).length;
  const lines = said.split('\n').filter((line) => line !== '');
  let replies = 0;
  for (const line of lines) {
    const message = JSON.parse(line) as Record<string, unknown>;
    must(message['jsonrpc'] === '2.0', 'A line that is no message.');
    if (message['method'] === undefined) replies++;
  }
  must(replies <= asked + 1, `${replies} replies to ${asked} requests.`);
}

export const serverTarget: FuzzTarget = {
  name: 'control-server',
  about: 'the control socket, as an engine serves it',
  share: 5,
  make,
  read,
};
