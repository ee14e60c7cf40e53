import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../../src/base/logger.js';
import {
  MOST_UNREAD,
  MOST_WAITING,
  QmpMonitor,
  command,
  commandOf,
  commandTable,
} from '../../../../src/simulator/qmp/index.js';
import type { Answer } from '../../../../src/simulator/qmp/index.js';
import {
  any,
  bool,
  int,
  list,
  oneOf,
  optional,
  size,
  str,
  stringOr,
  struct,
  uint32,
  union,
} from '../../../../src/simulator/qmp/types.js';
import { streamPair } from '../../nbd/support/stream-pair.js';
import { RawClient, settle, until } from '../machine/lab.js';

const kinds = union({ type: oneOf('one', 'two') }, 'type', {
  one: { data: struct({ name: str }) },
  two: { size },
});

function makeMonitor() {
  const hang = { go: (): void => undefined };
  const monitor = new QmpMonitor({
    version: { qemu: { micro: 0, minor: 2, major: 7 }, package: '' },
    commands: commandTable([
      command('echo', { value: any }, ({ value }) => value),
      command('nothing', {}, () => undefined),
      command(
        'typed',
        {
          name: str,
          flag: optional(bool),
          number: optional(int),
          small: optional(uint32),
          mode: optional(oneOf('safe', 'hard')),
          names: optional(list(stringOr('NameOrRef', struct({ node: str })))),
          nested: optional(list(struct({ data: struct({ name: str }) }))),
        },
        (args) => Object.keys(args),
      ),
      commandOf('kinds', kinds, (args) => args.type),
      command('hang', {}, () => new Promise<void>((resolve) => (hang.go = resolve))),
      command('broken', {}, () => {
        throw new TypeError('no such thing');
      }),
    ]),
    serially: (run: () => Promise<Answer>) => run(),
    logger: silentLogger,
  });
  return { monitor, hang };
}

async function client(): Promise<RawClient> {
  const { monitor } = makeMonitor();
  const raw = new RawClient((stream) => monitor.attach(stream));
  await raw.negotiate();
  return raw;
}

describe('a QMP monitor', () => {
  test('greets, negotiates, and answers with the ids that it was given', async () => {
    const { monitor } = makeMonitor();
    const raw = new RawClient((stream) => monitor.attach(stream));
    expect(await raw.take()).toEqual([
      {
        QMP: {
          version: { qemu: { micro: 0, minor: 2, major: 7 }, package: '' },
          capabilities: [],
        },
      },
    ]);
    expect(await raw.ask({ execute: 'echo', id: 1 })).toEqual({
      error: {
        class: 'CommandNotFound',
        desc: "Expecting capabilities negotiation with 'qmp_capabilities'",
      },
      id: 1,
    });
    expect(await raw.ask({ execute: 'qmp_capabilities', arguments: { enable: ['oob'] } })).toEqual({
      error: { class: 'GenericError', desc: 'Capability oob not available' },
    });
    expect(await raw.ask({ execute: 'qmp_capabilities', id: { a: [null] } })).toEqual({
      return: {},
      id: { a: [null] },
    });
    expect(await raw.ask({ execute: 'qmp_capabilities' })).toMatchObject({
      error: {
        class: 'CommandNotFound',
        desc: 'Capabilities negotiation is already complete, command ignored',
      },
    });
    expect(await raw.ask({ execute: 'nothing' })).toEqual({ return: {} });
    expect(await raw.ask({ execute: 'echo', arguments: { value: [1.5] } })).toEqual({
      return: [1.5],
    });
  });

  test.each([
    [7, 'QMP input must be a JSON object'],
    [{}, "QMP input lacks member 'execute'"],
    [{ execute: 1 }, "QMP input member 'execute' must be a string"],
    [{ execute: 'echo', arguments: [] }, "QMP input member 'arguments' must be an object"],
    [{ execute: 'echo', extra: 1 }, "QMP input member 'extra' is unexpected"],
    [{ 'exec-oob': 'echo' }, "QMP input member 'exec-oob' is unexpected"],
    [{ execute: 'none' }, 'The command none has not been found'],
    [{ execute: 'typed' }, "Parameter 'name' is missing"],
    [{ execute: 'broken' }, 'no such thing'],
  ])('%j is refused as %s', async (message, desc) => {
    const raw = await client();
    expect(await raw.ask(message)).toMatchObject({ error: { desc } });
  });

  test.each([
    [{ name: 1 }, "Invalid parameter type for 'name', expected: string"],
    [{ name: null }, "Invalid parameter type for 'name', expected: string"],
    [{ name: 'x', flag: 1 }, "Invalid parameter type for 'flag', expected: boolean"],
    [{ name: 'x', number: 1.5 }, "Invalid parameter type for 'number', expected: integer"],
    [{ name: 'x', small: '1' }, "Parameter 'small' expects uint64"],
    [{ name: 'x', small: 2 ** 32 }, "Parameter 'small' expects uint32_t"],
    [{ name: 'x', small: -1 }, "Parameter 'small' expects uint32_t"],
    [{ name: 'x', mode: 'soft' }, "Parameter 'mode' does not accept value 'soft'"],
    [{ name: 'x', names: 'y' }, "Invalid parameter type for 'names', expected: array"],
    [{ name: 'x', names: [1] }, "Invalid parameter type for 'null', expected: NameOrRef"],
    [{ name: 'x', names: ['a', {}] }, "Parameter 'names[1].node' is missing"],
    [{ name: 'x', nested: [{ data: {} }] }, "Parameter 'nested[0].data.name' is missing"],
    [
      { name: 'x', nested: [{ data: { name: 'y', z: 1 } }] },
      "Parameter 'nested[0].data.z' is unexpected",
    ],
    [{ name: 'x', other: 1 }, "Parameter 'other' is unexpected"],
  ])('arguments %j: %s', async (args, desc) => {
    const raw = await client();
    expect(await raw.ask({ execute: 'typed', arguments: args })).toEqual({
      error: { class: 'GenericError', desc },
    });
  });

  test.each([
    [{}, "Parameter 'type' is missing"],
    [{ type: 'three' }, "Parameter 'type' does not accept value 'three'"],
    [{ type: '__proto__' }, "Parameter 'type' does not accept value '__proto__'"],
    [{ type: 'one' }, "Parameter 'data' is missing"],
    [{ type: 'one', data: { name: 'x' }, size: 1 }, "Parameter 'size' is unexpected"],
    [{ type: 'two', size: 'x' }, "Parameter 'size' expects uint64"],
  ])('a union %j: %s', async (args, desc) => {
    const raw = await client();
    expect(await raw.ask({ execute: 'kinds', arguments: args })).toMatchObject({ error: { desc } });
    expect(await raw.ask({ execute: 'kinds', arguments: { type: 'two', size: 3 } })).toEqual({
      return: 'two',
    });
  });

  test('a second client is greeted when the first is gone', async () => {
    const { monitor } = makeMonitor();
    const first = new RawClient((stream) => monitor.attach(stream));
    await first.negotiate();
    const second = new RawClient((stream) => monitor.attach(stream));
    second.send('{"execute": "qmp_capabilities"}');
    await settle();
    expect(second.messages).toEqual([]);
    first.stream.end();
    expect(await second.take(2)).toMatchObject([{ QMP: {} }, { return: {} }]);
  });

  test('only so many clients may wait, and one that waits may go', async () => {
    const { monitor } = makeMonitor();
    const clients = Array.from(
      { length: MOST_WAITING + 2 },
      () => new RawClient((stream) => monitor.attach(stream)),
    );
    let ended = false;
    clients.at(-1)!.stream.on('end', () => (ended = true));
    await until(() => ended);
    for (const { stream } of clients.slice(0, -2)) stream.destroy();
    expect(await clients.at(-2)!.take()).toMatchObject([{ QMP: {} }]);
  });

  test('reads the next command only when the one before is answered', async () => {
    const { monitor, hang } = makeMonitor();
    const raw = new RawClient((stream) => monitor.attach(stream));
    await raw.negotiate();
    raw.send('{"execute": "hang", "id": 1}{"execute": "nothing", "id": 2}');
    await settle();
    expect(raw.messages).toEqual([]);
    hang.go();
    expect(await raw.take(2)).toEqual([
      { return: {}, id: 1 },
      { return: {}, id: 2 },
    ]);
  });

  test('a client that goes while its command hangs makes room', async () => {
    const { monitor } = makeMonitor();
    const raw = new RawClient((stream) => monitor.attach(stream));
    await raw.negotiate();
    raw.send('{"execute": "hang"}');
    await settle();
    raw.stream.destroy(new Error('ECONNRESET'));
    const next = new RawClient((stream) => monitor.attach(stream));
    expect(await next.take()).toMatchObject([{ QMP: {} }]);
  });

  test('events reach who has negotiated, and only them', async () => {
    const { monitor } = makeMonitor();
    const raw = new RawClient((stream) => monitor.attach(stream));
    await raw.take();
    monitor.emit({ event: 'STOP' });
    raw.send('{"execute": "qmp_capabilities"}');
    expect(await raw.take()).toEqual([{ return: {} }]);
    monitor.emit({ event: 'RESUME' });
    expect(await raw.take()).toEqual([{ event: 'RESUME' }]);
  });

  test('who reads nothing is cut off before it takes much memory', async () => {
    const { monitor } = makeMonitor();
    const [own, server] = streamPair();
    monitor.attach(server);
    own.write('{"execute": "qmp_capabilities"}');
    await settle();
    server.stall();
    const data = 'x'.repeat(1024 * 1024);
    for (let sent = 0; sent <= MOST_UNREAD; sent += data.length) monitor.emit({ event: data });
    await settle();
    expect(server.destroyed).toBe(true);
  });

  test('two commands of one name are a mistake', () => {
    const one = command('x', {}, () => undefined);
    expect(() => commandTable([one, one])).toThrow('Two QMP commands have one name.');
  });
});
