import { describe, expect, it } from 'vitest';
import { ConnectionLostError, ProtocolError, UsageError } from '../../../src/base/errors.js';
import {
  ControlClient,
  type MigrationEvent,
  type SummaryEvent,
} from '../../../src/engine/index.js';
import { ControlledRun, controlPipe, until } from './support.js';

const summary = { type: 'summary', outcome: 'completed' } as unknown as SummaryEvent;

function listening() {
  const events: MigrationEvent[] = [];
  const logs: string[] = [];
  return {
    events,
    logs,
    event: (event: MigrationEvent) => void events.push(event),
    log: (message: string) => void logs.push(message),
  };
}

/** A client, and the server's end of its connection. */
function withPeer() {
  const [mine, its] = controlPipe();
  const client = new ControlClient('k3x9', mine, listening());
  return { client, its };
}

describe('a controller', () => {
  it('attaches, tells, hears, and learns the end', async () => {
    await using run = await ControlledRun.create();
    const listener = listening();
    const client = new ControlClient('k3x9', run.connect(), listener);
    expect(await client.attach('a')).toMatchObject({ run: 'k3x9', controllers: ['a'] });
    await client.tell({ command: 'limits', limits: { maxRounds: 4 } });
    expect((await client.state()).limits).toMatchObject({ maxRounds: 4 });
    run.server.note('warn', 'Careful.');
    await run.server.end({ summary, error: new UsageError('No.', { hint: 'Do.' }) });
    const end = await client.ended();
    expect(end?.summary).toEqual(summary);
    expect(end?.error).toMatchObject({ kind: 'usage', message: 'No.', hint: 'Do.' });
    expect(listener.events).toMatchObject([{ command: 'attach' }, { command: 'limits' }]);
    expect(listener.logs).toEqual(['Careful.']);
  });

  it('leaves, and the run goes on', async () => {
    await using run = await ControlledRun.create();
    const client = new ControlClient('k3x9', run.connect(), listening());
    await client.attach('a');
    await client.detach();
    expect(await client.ended()).toBeUndefined();
    expect(run.steering.signal.aborted).toBe(false);
  });

  it('is told what the run refuses', async () => {
    await using run = await ControlledRun.create();
    const client = new ControlClient('k3x9', run.connect(), listening());
    const refused = client.tell({ command: 'decide', decision: 'cancel' });
    await expect(refused).rejects.toMatchObject({
      kind: 'usage',
      message: 'The run asks nothing now.',
    });
  });

  it('reads no further while an event is being taken', async () => {
    await using run = await ControlledRun.create();
    for (let line = 0; line < 3; line++) run.emit({ type: 'held', line });
    const taken: MigrationEvent[] = [];
    let go: () => void = () => undefined;
    const listener = {
      event: (event: MigrationEvent) => {
        taken.push(event);
        return new Promise<void>((resolve) => (go = resolve));
      },
      log: () => undefined,
    };
    const client = new ControlClient('k3x9', run.connect(), listener);
    await client.attach('a');
    await until(() => taken.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(taken).toHaveLength(1);
    go();
    await until(() => taken.length === 2);
    client.destroy();
  });
});

describe('an engine process that is gone or broken', () => {
  it('cut off: every request and the end are told so', async () => {
    const { client, its } = withPeer();
    const asked = client.state();
    its.destroy();
    const message = /^The engine process of the run k3x9 is gone\./;
    await expect(asked).rejects.toThrow(ConnectionLostError);
    await expect(client.ended()).rejects.toThrow(message);
    await expect(client.state()).rejects.toThrow(message);
  });

  it.each([
    ['no JSON', /^A message of the engine process can't be read: /],
    ['7', /^A message of the engine process can't be read: it is no object/],
    [
      '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"Full."}}',
      /^The engine process refuses: Full\./,
    ],
    ['{"method":"event"}', /^A message of the engine process can't be read: an event is no object/],
    ['{"method":"event","params":{}}', /can't be read: an event has no type/],
    [
      '{"method":"log","params":{"message":{"toString":1}}}',
      /can't be read: a warning has no text/,
    ],
    ['{"method":"ended","params":null}', /can't be read: the end is no object/],
    ['{"method":"ended","params":{"error":{"kind":"usage"}}}', /can't be read: an error has no/],
    ['{"id":0,"error":{"message":{"toString":1}}}', /can't be read: an error has no text/],
    ['{"id":0,"error":null}', /can't be read: an error is no object/],
  ])('that says %s', async (line, start) => {
    const { client, its } = withPeer();
    its.write(`${line}\n`);
    const ended = client.ended();
    await expect(ended).rejects.toThrow(ProtocolError);
    await expect(ended).rejects.toThrow(start);
  });

  it.each(['null', '[]', '{}', '{"protocol":"1"}'])('that attaches with %s', async (result) => {
    const { client, its } = withPeer();
    its.once('data', () => its.write(`{"jsonrpc":"2.0","id":0,"result":${result}}\n`));
    const attached = client.attach('a');
    await expect(attached).rejects.toThrow(ProtocolError);
    await expect(attached).rejects.toThrow(
      /^A message of the engine process can't be read: a state/,
    );
  });

  it('tells of an error of a kind that nobody knows', async () => {
    const { client, its } = withPeer();
    its.end('{"method":"ended","params":{"error":{"kind":"constructor","message":"So."}}}\n');
    const end = await client.ended();
    expect(end?.error).toBeInstanceOf(Error);
    expect(end?.error).not.toHaveProperty('kind');
    expect(end?.error?.message).toBe('So.');
  });

  it('of another version is left', async () => {
    const { client, its } = withPeer();
    its.once('data', () => its.write('{"jsonrpc":"2.0","id":0,"result":{"protocol":2}}\n'));
    await expect(client.attach('a')).rejects.toThrow(
      /^The run k3x9 speaks version 2 of the control/,
    );
  });
});
