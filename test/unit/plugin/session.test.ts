/** Starting, greeting, asking and ending a plugin, on a simulated clock and pipes in memory. */
import { describe, expect, it } from 'vitest';
import { silentLogger, type Logger } from '../../../src/base/logger.js';
import {
  PluginHost,
  PluginSession,
  RefusedRequest,
  type PluginParts,
} from '../../../src/plugin/index.js';
import { SimulatedClock } from '../../../src/simulator/index.js';
import { DESCRIPTION, fakePlugin, GREETING, SILENT, type Fake } from './fake-plugin.js';

function partsOf(fake: Fake, more: Partial<PluginParts> = {}): PluginParts {
  const clock = new SimulatedClock();
  return { start: fake.start, clock, logger: silentLogger, version: '1.2.3', ...more };
}

const open = (fake: Fake, more: Partial<PluginParts> = {}) =>
  PluginSession.open(DESCRIPTION, ['policy'], partsOf(fake, more));

const explain = (session: PluginSession, signal?: AbortSignal) =>
  session.channel.request('policy/explain', { block: 1 }, signal);

describe('a plugin', () => {
  it('is greeted, asked, and ended in order', async () => {
    const fake = fakePlugin(({ method }) =>
      method === 'policy/explain' ? { text: 'so', more: 1 } : undefined,
    );
    const session = await open(fake);
    expect(session.greeting).toEqual(GREETING);
    expect(await explain(session)).toMatchObject({ text: 'so' });
    expect(await session.end()).toMatchObject({ code: 0 });
    expect(fake.heard.map(({ method }) => method)).toEqual([
      'initialize',
      'policy/explain',
      'shutdown',
    ]);
    expect(fake.heard[0]!.params).toMatchObject({ protocol: '1.0', roles: ['policy'] });
    expect(fake.signals).toEqual([]);
    await session.end();
  });

  it('of a later minor version, with fields of it, is taken', async () => {
    const fake = fakePlugin(({ method }) => {
      if (method === 'policy/explain') return { text: 'so', since: '1.7' };
      const capabilities = { policy: { telepathy: true }, oracle: {} };
      return method === 'initialize'
        ? { ...GREETING, protocol: '1.7', capabilities, mood: 'good' }
        : undefined;
    });
    const session = await open(fake);
    expect(await explain(session)).toMatchObject({ text: 'so' });
    expect(await session.end()).toMatchObject({ code: 0 });
  });

  it.each([
    [{ ignoresEnd: true } as const, ['SIGTERM']],
    [{ ignoresEnd: true, ignoresTerm: true } as const, ['SIGTERM', 'SIGKILL']],
  ])('that does not end is ended: %j', async (stubborn, signals) => {
    const fake = fakePlugin(() => undefined, stubborn);
    const session = await open(fake);
    await session.end();
    expect(fake.signals).toEqual(signals);
  });

  it('can log, and ask for what it may', async () => {
    const logged: string[] = [];
    const logger: Logger = { log: (level, message) => void logged.push(`${level} ${message}`) };
    const answers: unknown[] = [];
    const fake = fakePlugin((asked, hands) => {
      if (asked.method === 'policy/explain') {
        const say = (message: object) =>
          hands.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
        say({ method: 'log', params: { level: 'info', message: 'hello' } });
        say({ id: 'a', method: 'host/pause', params: { reason: 'why' } });
        say({ id: 'b', method: 'host/fly', params: {} });
        say({ id: 'c', method: 'host/pause', params: {} });
        say({ method: 'note/unknown', params: {} });
        return { text: 'x' };
      }
      if (asked.id !== undefined && !('method' in asked)) answers.push(asked);
      return 'method' in asked ? undefined : SILENT;
    });
    const session = await open(fake, {
      logger,
      request: (_method, params) => {
        answers.push(params);
        return Promise.reject(new RefusedRequest(-32000, 'nobody is there'));
      },
    });
    await explain(session);
    await session.end();
    expect(logged).toEqual(['info Plugin fake: hello']);
    expect(answers[0]).toEqual({ reason: 'why' });
    const codes = answers
      .slice(1)
      .map((each) => each as { id: string; error: { code: number; message: string } })
      .map(({ id, error }) => `${id} ${error.code}`);
    expect(codes.sort()).toEqual(['a -32000', 'b -32601', 'c -32602']);
  });

  it('keeps the newest of its log, and no more', async () => {
    const fake = fakePlugin((_asked, hands) => {
      for (let line = 0; line < 3000; line++) hands.log(`${String(line).padStart(99)}\n`);
      return undefined;
    });
    const session = await open(fake);
    await session.end();
    expect(session.log.length).toBe(64 * 1024);
    expect(session.farewell).toBe('ended with exit code 0: 2999');
  });

  it('may take ten times as long with progress, and not longer', async () => {
    const clock = new SimulatedClock();
    const fake = fakePlugin((asked, hands) => {
      if (asked.method !== 'policy/explain') return undefined;
      void (async () => {
        for (let each = 0; each < 100; each++) {
          await clock.sleep(900);
          const params = { id: asked.id, done: each };
          hands.write(`${JSON.stringify({ jsonrpc: '2.0', method: '$/progress', params })}\n`);
        }
      })();
      return SILENT;
    });
    const session = await open(fake, { clock });
    const began = clock.now();
    await expect(explain(session)).rejects.toMatchObject({ kind: 'timeout' });
    expect(clock.now() - began).toBe(9 * 900 + 1000);
  });

  it('that was cancelled is told so, and its late answer harms nothing', async () => {
    const late: (() => void)[] = [];
    const fake = fakePlugin((asked, hands) => {
      if (asked.method !== 'policy/explain') return undefined;
      const answer = `${JSON.stringify({ jsonrpc: '2.0', id: asked.id, result: { text: '' } })}\n`;
      late.push(() => hands.write(answer));
      return SILENT;
    });
    const session = await open(fake);
    const cancel = new AbortController();
    const asked = explain(session, cancel.signal);
    cancel.abort();
    await expect(asked).rejects.toMatchObject({ kind: 'cancelled' });
    late[0]!();
    await session.end();
    expect(fake.heard.map(({ method }) => method)).toContain('$/cancel');
    expect(await session.channel.ended).toMatchObject({ kind: 'connection-lost' });
  });
});

describe('a plugin at fault', () => {
  it.each([
    ['no JSON', 'oops\n', 'protocol', /^The plugin fake wrote "oops" to its output, which is not/],
    ['no message', '[1]\n', 'protocol', /which is no JSON-RPC message\.$/],
    ['an answer to nothing', '{"jsonrpc":"2.0","id":77,"result":{}}\n', 'protocol', /\(77\)\.$/],
    ['an answer without an id', '{"jsonrpc":"2.0","result":{}}\n', 'protocol', /without an id/],
    ['neither', '{"jsonrpc":"2.0","id":2}\n', 'protocol', /neither a result nor an error\.$/],
    ['a wrong error', '{"jsonrpc":"2.0","id":2,"error":7}\n', 'protocol', /must be object\.$/],
    [
      'a wrong result',
      '{"jsonrpc":"2.0","id":2,"result":{}}\n',
      'protocol',
      /^The answer of .*text/,
    ],
    ['a wrong note', '{"jsonrpc":"2.0","method":"log","params":{}}\n', 'protocol', /^A log of/],
    ['too long a line', 'x'.repeat(16 * 1024 * 1024 + 1), 'limit', /^A message of the plugin fake/],
    [
      'a flood',
      '{"jsonrpc":"2.0","method":"a","params":{}}\n'.repeat(1001),
      'limit',
      /^The plugin fake floods/,
    ],
    [
      'an error',
      '{"jsonrpc":"2.0","id":2,"error":{"code":-32000,"message":"no"}}\n',
      'plugin',
      /^The plugin fake refused policy\/explain: no \(-32000\)$/,
    ],
  ])('by %s is told of, and what waits on it is settled', async (_what, text, kind, message) => {
    const fake = fakePlugin(({ method }, hands) => {
      if (method !== 'policy/explain') return undefined;
      hands.write(text);
      return SILENT;
    });
    const session = await open(fake);
    await expect(explain(session)).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(message) as string,
    });
    await session.end();
  });

  it('that does not answer is told of after its time, and told to stop', async () => {
    const fake = fakePlugin(({ method }) => (method === 'policy/explain' ? SILENT : undefined));
    const session = await open(fake);
    await expect(explain(session)).rejects.toMatchObject({
      kind: 'timeout',
      message: 'The plugin fake did not answer policy/explain within 1000 ms.',
    });
    expect(fake.heard.at(-1)).toMatchObject({ method: '$/cancel', params: { id: 2 } });
    await session.end();
  });

  it.each([
    ['ends', /^The plugin fake ended with exit code 3: I can't\.$/, 'plugin'],
    ['is silent', /^The plugin fake did not answer initialize within 10000 ms\.$/, 'timeout'],
    ['speaks another version', /^The plugin fake speaks version 2\.0/, 'protocol'],
    ['has another role', /^The plugin fake is no policy\.$/, 'plugin'],
  ])('when it is greeted: it %s', async (what, message, kind) => {
    const fake = fakePlugin((asked, hands) => {
      if (asked.method !== 'initialize') return undefined;
      if (what === 'speaks another version') return { ...GREETING, protocol: '2.0' };
      if (what === 'has another role') return { ...GREETING, roles: ['observer'] };
      if (what === 'ends') {
        hands.log("I can't.\n");
        hands.exit(3);
      }
      return SILENT;
    });
    await expect(open(fake)).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('a plugin’s host', () => {
  const hostOf = (fake: Fake, more: Partial<PluginParts> = {}) => {
    const parts = partsOf(fake, more);
    return { clock: parts.clock, host: new PluginHost(DESCRIPTION, ['policy'], parts) };
  };

  it('starts one program, and lets go of it', async () => {
    const fake = fakePlugin();
    const { host } = hostOf(fake);
    expect(await host.ready()).toBe(await host.ready());
    await host.close();
    expect(fake.starts).toBe(1);
    await expect(host.ready()).rejects.toMatchObject({
      kind: 'plugin',
      message: 'The plugin fake was let go of.',
    });
  });

  it('starts it anew after a fault, not at once, and not after the third', async () => {
    const fake = fakePlugin();
    const { host, clock } = hostOf(fake);
    for (const [starts, backOff] of [
      [1, 1000],
      [2, 2000],
    ] as const) {
      const began = clock.now();
      await host.ready();
      expect(fake.starts).toBe(starts);
      host.fault();
      await expect(host.ready()).rejects.toThrow('The plugin fake is not started again so soon.');
      await clock.sleep(began + backOff - clock.now());
    }
    await host.ready();
    host.fault();
    await clock.sleep(100_000);
    await expect(host.ready()).rejects.toThrow('The plugin fake was at fault 3 times.');
  });

  it('starts it anew when its files changed, which is no fault', async () => {
    const fake = fakePlugin();
    const marks = { now: 'a' };
    const { host } = hostOf(fake, { fingerprint: () => Promise.resolve(marks.now) });
    await host.ready();
    expect(await host.reloadIfChanged()).toBe(false);
    marks.now = 'b';
    expect(await host.reloadIfChanged()).toBe(true);
    await host.ready();
    expect([fake.starts, host.faults]).toEqual([2, 0]);
    await host.close();
  });
});
