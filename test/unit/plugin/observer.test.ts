/** Observers: what they get, what they may ask, and that nothing waits for them. */
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.js';
import { PluginObserver } from '../../../src/plugin/index.js';
import { SimulatedClock } from '../../../src/simulator/index.js';
import { DESCRIPTION, fakePlugin, GREETING, SILENT, type Fake } from './fake-plugin.js';

function observe(fake: Fake) {
  const clock = new SimulatedClock();
  const told = { warnings: [] as string[], pauses: [] as string[] };
  const observer = new PluginObserver(DESCRIPTION, {
    ...{ start: fake.start, clock, logger: silentLogger, version: '1' },
    pause: (reason) => void told.pauses.push(reason),
    warn: (message) => void told.warnings.push(message),
  });
  return { observer, clock, ...told };
}

const greeting = (observer: object) => ({
  ...GREETING,
  roles: ['observer'],
  capabilities: { observer },
});

const event = (seq: number, type = 'held', more: object = {}) => ({ type, seq, t: seq, ...more });

const eventsOf = (fake: Fake) =>
  fake.heard.flatMap(({ method, params }) =>
    method === 'observer/event' ? [(params['event'] as { seq: number }).seq] : [],
  );

describe('an observer', () => {
  it('gets every event in order, those before its start too, and is ended', async () => {
    const fake = fakePlugin(({ method }) => (method === 'initialize' ? greeting({}) : undefined));
    const { observer, clock, warnings } = observe(fake);
    observer.sink(event(0));
    await clock.sleep(10);
    for (let seq = 1; seq < 100; seq++) observer.sink(event(seq));
    await observer.close();
    expect(eventsOf(fake)).toEqual(Array.from({ length: 100 }, (_, seq) => seq));
    expect(fake.heard.at(-1)!.method).toBe('shutdown');
    expect(warnings).toEqual([]);
    observer.sink(event(100));
    await observer.close();
  });

  it('gets those types that it named', async () => {
    const fake = fakePlugin(({ method }) =>
      method === 'initialize' ? greeting({ events: ['sent'] }) : undefined,
    );
    const { observer } = observe(fake);
    observer.sink(event(0));
    observer.sink(event(1, 'sent'));
    await observer.close();
    expect(eventsOf(fake)).toEqual([1]);
  });

  it.each([true, false])('may ask for a pause if it said so: %s', async (pauses) => {
    const answers: unknown[] = [];
    const fake = fakePlugin((asked, hands) => {
      if (!('method' in asked)) {
        answers.push(asked);
        return SILENT;
      }
      if (asked.method === 'observer/event')
        hands.write(
          '{"jsonrpc":"2.0","id":1,"method":"host/pause","params":{"reason":"enough"}}\n',
        );
      return asked.method === 'initialize' ? greeting({ pauses }) : undefined;
    });
    const { observer, pauses: asked, clock } = observe(fake);
    observer.sink(event(0));
    await clock.sleep(10);
    await observer.close();
    expect(asked).toEqual(pauses ? ['enough'] : []);
    expect(answers).toEqual([
      expect.objectContaining(
        pauses ? { id: 1, result: {} } : { id: 1, error: expect.anything() as object },
      ),
    ]);
  });

  it('that reads too slowly is told what it missed, and holds up nothing', async () => {
    const fake = fakePlugin(({ method }) => (method === 'initialize' ? greeting({}) : undefined));
    const { observer, clock } = observe(fake);
    await clock.sleep(10);
    fake.inputs[0]!.pause();
    const large = { text: 'x'.repeat(1024 * 1024) };
    for (let seq = 0; seq < 40; seq++) observer.sink(event(seq, 'held', large));
    fake.inputs[0]!.resume();
    await clock.sleep(10);
    observer.sink(event(40));
    await observer.close();
    const missed = fake.heard.find(({ method }) => method === 'observer/missed')!.params;
    const { from, count } = missed as unknown as { from: number; count: number };
    expect(from + count).toBe(40);
    expect(eventsOf(fake)).toEqual([...Array.from({ length: from }, (_, seq) => seq), 40]);
  });

  it.each([
    ['ends', /^The observer fake does not watch any more: The plugin fake ended its output\.$/],
    ['writes no JSON', /which is not JSON\.$/],
    ['can not be started', /ended with exit code 127\.$/],
  ])('that %s is told of once', async (what, message) => {
    const fake = fakePlugin(({ method }, hands) => {
      if (what === 'can not be started') hands.exit(127);
      else if (method === 'initialize') return greeting({});
      else if (what === 'ends') hands.exit(1);
      else hands.write('oops\n');
      return SILENT;
    });
    const { observer, clock, warnings } = observe(fake);
    observer.sink(event(0));
    await clock.sleep(20_000);
    observer.sink(event(1));
    await observer.close();
    expect(warnings).toEqual([expect.stringMatching(message)]);
  });
});
