import { describe, expect, it } from 'vitest';
import { CancelledError, NotConvergedError } from '../../../src/base/errors.js';
import type { SummaryEvent } from '../../../src/engine/index.js';
import { ControlledRun, until, type Message } from './support.js';

const summary = { type: 'summary', outcome: 'completed' } as unknown as SummaryEvent;

describe('attaching', () => {
  it('gives the state, then every event from the one that was asked for, then the new ones', async () => {
    await using run = await ControlledRun.create();
    for (let line = 0; line < 600; line++) run.emit({ type: 'held', line });
    const controller = run.dial();
    controller.say(1, 'attach', { name: 'a', from: 590 });
    await until(() => controller.events.length === 11);
    expect(controller.heard[0]).toMatchObject({
      id: 1,
      result: { protocol: 1, run: 'k3x9', version: '1.2.3', held: false, controllers: ['a'] },
    });
    expect(controller.events.map(({ seq }) => seq)).toEqual([
      590, 591, 592, 593, 594, 595, 596, 597, 598, 599, 600,
    ]);
    expect(controller.events.at(-1)).toMatchObject({ type: 'command', by: 'a', command: 'attach' });
    run.emit({ type: 'held', line: 7 });
    await until(() => controller.events.length === 12);
  });

  it('twice on one connection is refused', async () => {
    await using run = await ControlledRun.create();
    const controller = run.dial();
    controller.say(1, 'attach', { name: 'a' });
    controller.say(2, 'attach', { name: 'a' });
    await until(() => controller.heard.some(({ error }) => error));
    expect(controller.heard.find(({ error }) => error)).toMatchObject({
      error: { code: -32600, message: 'This connection is attached already.' },
    });
  });

  it('is refused to the 65th connection, with its reason', async () => {
    await using run = await ControlledRun.create();
    for (let each = 0; each < 64; each++) run.connect();
    const late = run.dial();
    await late.closed;
    expect(late.heard[0]).toMatchObject({
      error: { code: -32000, message: 'This run has 64 connections already.' },
    });
  });
});

describe('several controllers', () => {
  it('see each other’s commands, comings and goings', async () => {
    await using run = await ControlledRun.create();
    const [a, b] = [run.dial(), run.dial()];
    a.say(1, 'attach', { name: 'a' });
    b.say(1, 'attach', { name: 'b' });
    await until(() => b.heard.length > 0);
    b.say(2, 'step', { unit: 'batch' });
    b.say(3, 'limits', { maxBandwidth: 5 });
    b.say(4, 'detach');
    await b.closed;
    await until(() => a.events.length === 5);
    expect(a.events.map((event) => ({ ...event, seq: 0 }))).toMatchObject([
      { by: 'a', command: 'attach' },
      { by: 'b', command: 'attach' },
      { by: 'b', command: 'step', unit: 'batch' },
      { by: 'b', command: 'limits' },
      { by: 'b', command: 'detach' },
    ]);
    expect(run.limits).toEqual({ maxBandwidth: 5, downtimeLimitMs: 300, maxRounds: 30 });
    expect(run.steering.signal.aborted).toBe(false);
  });

  it('a controller that is cut off leaves the run and the others alone', async () => {
    await using run = await ControlledRun.create();
    const [a, b] = [run.dial(), run.dial()];
    a.say(1, 'attach', { name: 'a' });
    b.say(1, 'attach', { name: 'b' });
    await until(() => b.heard.length > 0);
    b.stream.destroy();
    await until(() =>
      a.events.some((event) => event.type === 'command' && event.command === 'detach'),
    );
    expect(run.server.state.controllers).toEqual(['a']);
  });

  it('one that does not read costs no memory, and gets everything when it does', async () => {
    await using run = await ControlledRun.create();
    const slow = run.connect();
    slow.write('{"jsonrpc":"2.0","id":1,"method":"attach","params":{"name":"slow"}}\n');
    const padding = 'x'.repeat(100_000);
    for (let seq = 0; seq < 200; seq++) run.emit({ type: 'warning', message: padding });
    const quick = run.dial();
    quick.say(1, 'attach', { name: 'quick', from: 199 });
    await until(() => quick.events.length > 1);
    expect(slow.readableLength).toBeLessThan(1_000_000);
    let bytes = 0;
    slow.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await until(() => bytes > 20_000_000);
  });
});

describe('the gate', () => {
  it('is held, stepped and let go from outside', async () => {
    await using run = await ControlledRun.create({ held: true });
    const passed: number[] = [];
    const walking = (async () => {
      for (let line = 1; line <= 4; line++) {
        await run.steering.gate.pass(
          { line, round: 0, batch: 0 },
          () => run.emit({ type: 'held', line }),
          run.steering.signal,
        );
        passed.push(line);
      }
    })();
    const controller = run.dial();
    controller.say(1, 'attach', { name: 'a' });
    const held = () => controller.events.filter(({ type }) => type === 'held').length;
    await until(() => held() === 1);
    controller.say(2, 'step', { unit: 'statement' });
    await until(() => held() === 2);
    expect(passed).toEqual([1]);
    controller.say(3, 'state');
    await until(() => controller.heard.some(({ id }) => id === 3));
    expect(controller.heard.find(({ id }) => id === 3)).toMatchObject({ result: { held: true } });
    controller.say(4, 'run');
    await walking;
  });

  it('a step that is asked for while the program runs holds it at the next statement', async () => {
    await using run = await ControlledRun.create();
    run.steering.tell('a', { command: 'step', unit: 'round' });
    let held = false;
    const point = { line: 5, round: 0, batch: 0 };
    void run.steering.gate.pass(point, () => (held = true), run.steering.signal);
    expect(held).toBe(true);
  });

  it('cancel cancels', async () => {
    await using run = await ControlledRun.create();
    const controller = run.dial();
    controller.say(1, 'cancel');
    await until(() => run.steering.signal.aborted);
    expect(run.steering.signal.reason).toBeInstanceOf(CancelledError);
  });
});

describe('a verdict', () => {
  const verdict = {
    type: 'verdict',
    converged: false,
    message: '',
    pendingBytes: 0,
    downtimeMs: 0,
  } as const;

  it('waits for whoever answers first; the second is told so', async () => {
    await using run = await ControlledRun.create();
    const answer = run.steering.decide(verdict);
    const controller = run.dial();
    controller.say(1, 'state');
    controller.say(2, 'decide', { decision: 'pause-anyway' });
    controller.say(3, 'decide', { decision: 'cancel' });
    expect(await answer).toBe('pause-anyway');
    await until(() => controller.heard.length === 3);
    expect(controller.heard).toMatchObject([
      { id: 1, result: { asks: true } },
      { id: 2, result: {} },
      {
        id: 3,
        error: { code: -32000, message: 'The run asks nothing now.', data: { kind: 'usage' } },
      },
    ]);
  });

  it('is answered at once where the answer was given before', async () => {
    await using run = await ControlledRun.create({ onLimit: 'more-rounds' });
    expect(await run.steering.decide(verdict)).toBe('more-rounds');
    expect(run.steering.verdict).toBeUndefined();
  });
});

describe('what is no request', () => {
  it.each([
    ['{', -32700, 'This is no JSON: '],
    ['[]', -32600, 'A request is an object.'],
    ['{"jsonrpc":"2.0","method":"run"}', -32600, '`id` is a whole number from 0.'],
    ['{"id":1,"method":"run"}', -32600, '`jsonrpc` is "2.0".'],
    ['{"jsonrpc":"2.0","id":1,"method":1}', -32600, '`method` is a string.'],
    ['{"jsonrpc":"2.0","id":1,"method":"fly"}', -32601, 'There is no method "fly".'],
    ['{"jsonrpc":"2.0","id":1,"method":"run","params":[]}', -32602, '`params` is an object.'],
    ['{"jsonrpc":"2.0","id":1,"method":"attach"}', -32602, '`name` is a text of 1 to 64'],
    [
      '{"jsonrpc":"2.0","id":1,"method":"attach","params":{"name":"a","from":-1}}',
      -32602,
      '`from` is',
    ],
    ['{"jsonrpc":"2.0","id":1,"method":"step"}', -32602, '`unit` is'],
    ['{"jsonrpc":"2.0","id":1,"method":"decide","params":{"decision":1}}', -32602, '`decision` is'],
    ['{"jsonrpc":"2.0","id":1,"method":"limits"}', -32602, 'At least one limit'],
    [
      '{"jsonrpc":"2.0","id":1,"method":"limits","params":{"maxBandwidth":0}}',
      -32602,
      '`maxBandwidth` is',
    ],
    [
      '{"jsonrpc":"2.0","id":1,"method":"limits","params":{"downtimeLimitMs":"1"}}',
      -32602,
      '`downtimeLimitMs` is',
    ],
    [
      '{"jsonrpc":"2.0","id":1,"method":"limits","params":{"maxRounds":1.5}}',
      -32602,
      '`maxRounds` is',
    ],
  ])('%s is refused, and the connection goes on', async (line, code, start) => {
    await using run = await ControlledRun.create();
    const controller = run.dial();
    controller.write(line);
    controller.say(9, 'state');
    await until(() => controller.heard.length === 2);
    const { error } = controller.heard[0] as { error: Message };
    expect(error['code']).toBe(code);
    expect(String(error['message']).startsWith(start)).toBe(true);
    expect(controller.heard[1]).toMatchObject({ id: 9, result: { run: 'k3x9' } });
  });

  it('a request without an end is refused at its limit, and the connection is closed', async () => {
    await using run = await ControlledRun.create();
    const controller = run.dial();
    controller.stream.write('x'.repeat(70_000));
    await controller.closed;
    expect(controller.heard[0]).toMatchObject({
      id: null,
      error: {
        code: -32600,
        message: 'A message of a controller is longer than the limit of 65536 bytes.',
      },
    });
  });

  it('a run that has begun nothing has no limits to change', async () => {
    const { Steering } = await import('../../../src/engine/index.js');
    const steering = new Steering({ held: false, onLimit: 'ask' });
    expect(() => steering.tell('a', { command: 'limits', limits: { maxRounds: 1 } })).toThrow(
      /^The run has not begun, so its limits/,
    );
  });
});

describe('the end', () => {
  it('is told after the last event, with the error, and the connection ends', async () => {
    await using run = await ControlledRun.create();
    const controller = run.dial();
    controller.say(1, 'attach', { name: 'a' });
    await until(() => controller.heard.length > 0);
    run.emit({ type: 'held', line: 1 });
    await run.server.end({ summary, error: new NotConvergedError('No.', { hint: 'Do.' }) });
    await controller.closed;
    expect(controller.heard.at(-2)).toMatchObject({ method: 'event', params: { type: 'held' } });
    expect(controller.heard.at(-1)).toEqual({
      jsonrpc: '2.0',
      method: 'ended',
      params: { summary, error: { kind: 'not-converged', message: 'No.', hint: 'Do.' } },
    });
  });

  it('waits for the controller that started the run, and no longer than its patience', async () => {
    await using late = await ControlledRun.create();
    const ending = late.server.end({ summary });
    const controller = late.dial();
    controller.say(1, 'attach', { name: 'a' });
    await ending;
    expect(controller.heard.at(-1)).toMatchObject({ method: 'ended' });
    await using alone = await ControlledRun.create();
    await alone.server.end({ summary });
    const after = alone.dial();
    await after.closed;
    expect(after.heard).toEqual([]);
  });

  it('leaves a controller that reads nothing', async () => {
    await using run = await ControlledRun.create();
    const slow = run.connect();
    slow.write('{"jsonrpc":"2.0","id":1,"method":"attach","params":{"name":"slow"}}\n');
    for (let seq = 0; seq < 50; seq++) run.emit({ type: 'warning', message: 'x'.repeat(100_000) });
    await until(() => run.server.state.controllers.length === 1);
    await run.server.end({ summary });
    await until(() => run.server.state.controllers.length === 0);
  });
});
