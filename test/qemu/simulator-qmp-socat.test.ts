/**
 * The simulated host's monitor and a client that nobody here wrote: socat, which hands text on as a
 * person types it. The same texts, among them what docs/interop/bitmaps.rst of QEMU documents as it is
 * written there, go to a real QEMU and to a simulated host, and come back as the same.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import { createGuest, SimulatedHost, systemSockets } from '../../src/simulator/index.js';
import { comparable } from './support/comparable.js';
import type { TestQemu } from './support/qemu-process.js';
import { makeRaw, makeTestDirectory, MiB, startQemu } from './support/qemu-process.js';

const DISK_BYTES = 16 * MiB;
const PATIENCE_MS = 20_000;

let directory: string;
let qemu: TestQemu;
let host: SimulatedHost;

beforeAll(async () => {
  directory = await makeTestDirectory();
  const image = await makeRaw(join(directory, 'drive0.raw'), DISK_BYTES);
  const file = { driver: 'file', filename: image, discard: 'unmap' };
  const disk = { driver: 'raw', 'node-name': 'drive0', discard: 'unmap', file };
  qemu = await startQemu(directory, [
    ...['-blockdev', JSON.stringify(disk)],
    ...['-device', 'virtio-blk-pci,drive=drive0,id=drive0,serial=SERIAL0'],
  ]);
  const workload = {
    ...{ name: 'nothing', description: 'Does nothing.', files: [] },
    start: () => ({ nextMs: Infinity, act: () => undefined }),
  };
  host = await SimulatedHost.start({
    ...{ clock: systemClock, logger: silentLogger, sockets: systemSockets },
    disk: { name: 'drive0', size: DISK_BYTES, serial: 'SERIAL0', image, seed: 1 },
    createGuest: (device) => createGuest({ device, workload, seed: 1 }),
    fileNames: { has: () => true, make: () => undefined },
    addresses: {
      qmp: { type: 'unix', path: join(directory, 'ours') },
      monitor: { type: 'tcp', host: '127.0.0.1', port: 0 },
    },
  });
});

afterAll(async () => {
  await host.close();
  await qemu.stop();
});

type Message = Record<string, unknown>;

/**
 * Types a text into socat, and reads until as many answers have come as there were commands.
 * @returns the greeting and the answers in order, and the events.
 */
async function type(
  address: string,
  text: string,
): Promise<{ said: Message[]; events: Message[] }> {
  const commands = text.match(/"(execute|exec-oob)"/g)!.length;
  const child = spawn('socat', ['-', address], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  const said: Message[] = [];
  const events: Message[] = [];
  try {
    child.stdin.write(text);
    for await (const line of createInterface({ input: child.stdout })) {
      const message = JSON.parse(line) as Message;
      (message['event'] === undefined ? said : events).push(message);
      if (said.length === commands + 1) break;
    }
  } finally {
    clearTimeout(late);
    child.kill();
    await closed;
  }
  return { said, events };
}

/** How each of the two is reached, the simulated one in both ways. */
const ways = (): { real: string; ours: string[] } => {
  const { monitor } = host.addresses;
  const port = monitor.type === 'tcp' ? monitor.port : 0;
  return {
    real: `UNIX-CONNECT:${qemu.monitor}`,
    ours: [`UNIX-CONNECT:${join(directory, 'ours')}`, `TCP:127.0.0.1:${port}`],
  };
};

/** Types the same into all, each after the other, and expects the same of all. */
async function same(text: string): Promise<Message[]> {
  const { real, ours } = ways();
  const theirs = await type(real, CAPABILITIES + text);
  const [, ...answers] = theirs.said.map((each) => comparable(each));
  for (const way of ours) {
    const own = await type(way, CAPABILITIES + text);
    expect(own.said.slice(1).map((each) => comparable(each))).toEqual(answers);
    expect(own.events.map(timeless)).toEqual(theirs.events.map(timeless));
  }
  return answers as Message[];
}

/** An event without its time, which is in the form that QMP has. */
function timeless({ timestamp, ...rest }: Message): unknown {
  expect(timestamp).toEqual({
    seconds: expect.any(Number) as number,
    microseconds: expect.any(Number) as number,
  });
  return comparable(rest);
}

const CAPABILITIES = '{ "execute": "qmp_capabilities" }\n';

/** What was returned; fails where something was refused. */
const returned = (answers: readonly Message[]): unknown[] =>
  answers.map((answer) => {
    expect(answer).not.toHaveProperty('error');
    return answer['return'];
  });

const errors = (answers: readonly Message[]): unknown[] =>
  answers.map(({ error }) => (error as { desc: string } | undefined)?.desc);

describe('socat', () => {
  test('is greeted, and told the version', async () => {
    const { real, ours } = ways();
    const text = `${CAPABILITIES}{ "execute": "query-version", "id": "v" }\n`;
    const number = expect.any(Number) as number;
    const version = {
      qemu: { major: number, minor: number, micro: number },
      package: expect.any(String) as string,
    };
    for (const way of [real, ...ours]) {
      const { said } = await type(way, text);
      // Commands out of band are an offer that ours does not make.
      const capabilities = way === real ? ['oob'] : [];
      expect(said).toEqual([
        { QMP: { version, capabilities } },
        { return: {} },
        { return: version, id: 'v' },
      ]);
      const [{ QMP: greeting }, , { return: told }] = said as [Message, Message, Message];
      expect((greeting as { version: unknown }).version).toEqual(told);
    }
  });

  test('is refused what comes before the negotiation', async () => {
    const { real, ours } = ways();
    const text = `{ "execute": "query-status" }\n${CAPABILITIES}${CAPABILITIES}`;
    const { said } = await type(real, text);
    for (const way of ours) expect((await type(way, text)).said.slice(1)).toEqual(said.slice(1));
  });

  test('makes, disables, enables, clears, merges and removes bitmaps, as documented', async () => {
    const answers = await same(`
      { "execute": "block-dirty-bitmap-add",
        "arguments": {
          "node": "drive0",
          "name": "bitmap0"
        }
      }
      { "execute": "block-dirty-bitmap-add",
        "arguments": {
          "node": "drive0",
          "name": "bitmap1",
          "granularity": 131072
        }
      }
      { "execute": "block-dirty-bitmap-disable",
        "arguments": {
          "node": "drive0",
          "name": "bitmap0"
        }
      }
      { "execute": "query-block", "arguments": {} }
      { "execute": "block-dirty-bitmap-enable",
        "arguments": {
          "node": "drive0",
          "name": "bitmap0"
        }
      }
      { "execute": "block-dirty-bitmap-clear",
        "arguments": {
          "node": "drive0",
          "name": "bitmap0"
        }
      }
      { "execute": "block-dirty-bitmap-add",
        "arguments": {
          "node": "drive0",
          "name": "bitmap2",
          "disabled": true
        }
      }
      { "execute": "block-dirty-bitmap-merge",
        "arguments": {
          "node": "drive0",
          "target": "bitmap2",
          "bitmaps": [ "bitmap0" ]
        }
      }
      { "execute": "query-block", "arguments": {} }
      { "execute": "block-dirty-bitmap-remove", "arguments": { "node": "drive0", "name": "bitmap0" } }
      { "execute": "block-dirty-bitmap-remove", "arguments": { "node": "drive0", "name": "bitmap1" } }
      { "execute": "block-dirty-bitmap-remove", "arguments": { "node": "drive0", "name": "bitmap2" } }
    `);
    expect(returned(answers)).toHaveLength(13);
    expect(JSON.stringify(answers)).toContain('"bitmap2"');
  });

  test('does several things at once or none of them, as documented', async () => {
    const answers = await same(`
      { "execute": "transaction",
        "arguments": {
          "actions": [
            {
              "type": "block-dirty-bitmap-add",
              "data": { "node": "drive0", "name": "bitmap0" }
            },
            {
              "type": "block-dirty-bitmap-add",
              "data": { "node": "drive0", "name": "bitmap1", "disabled": true }
            }
          ]
        }
      }
      { "execute": "transaction",
        "arguments": {
          "actions": [
            {
              "type": "block-dirty-bitmap-add",
              "data": { "node": "drive0", "name": "new-bitmap" }
            },
            {
              "type": "block-dirty-bitmap-clear",
              "data": { "node": "drive0", "name": "bitmap0" }
            },
            {
              "type": "block-dirty-bitmap-merge",
              "data": { "node": "drive0", "target": "bitmap1", "bitmaps": [ "bitmap0" ] }
            }
          ]
        }
      }
      { "execute": "query-block" }
      { "execute": "transaction",
        "arguments": {
          "actions": [
            {
              "type": "block-dirty-bitmap-remove",
              "data": { "node": "drive0", "name": "bitmap0" }
            },
            {
              "type": "block-dirty-bitmap-add",
              "data": { "node": "drive0", "name": "bitmap1" }
            }
          ]
        }
      }
      { "execute": "query-block" }
      { "execute": "transaction",
        "arguments": {
          "actions": [
            { "type": "block-dirty-bitmap-remove", "data": { "node": "drive0", "name": "bitmap0" } },
            { "type": "block-dirty-bitmap-remove", "data": { "node": "drive0", "name": "bitmap1" } },
            { "type": "block-dirty-bitmap-remove", "data": { "node": "drive0", "name": "new-bitmap" } }
          ]
        }
      }
    `);
    expect(errors(answers)).toEqual([
      ...[undefined, undefined, undefined, undefined],
      ...['Bitmap already exists: bitmap1', undefined, undefined],
    ]);
    expect(answers[5]).toEqual(answers[3]);
  });

  test('is refused what is not there', async () => {
    const refused = await same(`
      { "execute": "block-dirty-bitmap-add", "arguments": { "node": "drive9", "name": "bitmap0" } }
      { "execute": "block-dirty-bitmap-remove", "arguments": { "node": "drive0", "name": "bitmap9" } }
      { "execute": "block-dirty-bitmap-clear", "arguments": { "node": "drive0", "name": "bitmap9" } }
      { "execute": "block-dirty-bitmap-enable", "arguments": { "node": "drive9", "name": "bitmap9" } }
      { "execute": "block-dirty-bitmap-merge",
        "arguments": { "node": "drive0", "target": "bitmap9", "bitmaps": [ "bitmap8" ] } }
      { "execute": "block-dirty-bitmap-add" }
      { "execute": "no-such-command", "id": { "a": [ 1 ] } }
    `);
    const [, ...rest] = errors(refused);
    expect(rest).toHaveLength(7);
    expect(rest.every((desc) => typeof desc === 'string')).toBe(true);
  });

  test('hears of an export that is gone', async () => {
    const path = join(directory, 'nbd');
    const answers = await same(`
      { "execute": "nbd-server-start",
        "arguments": { "addr": { "type": "unix", "data": { "path": "${path}" } } } }
      { "execute": "block-export-add",
        "arguments": { "type": "nbd", "id": "export0", "node-name": "drive0" } }
      { "execute": "query-block-exports" }
      { "execute": "nbd-server-stop" }
      { "execute": "query-block-exports" }
    `);
    expect(returned(answers).at(-1)).toEqual([]);
  });
});
