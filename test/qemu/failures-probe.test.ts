/** The guest's probe hangs, dies or talks nonsense: the migration goes on without it, and says so. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Gate } from '../../src/engine/index.js';
import { eventsOf, gateAt, MigrationLab, type Asked, type Watched } from './support/migration.js';
import { ProbePort } from './support/probe-port.js';

let lab: MigrationLab;

beforeAll(async () => {
  lab = await MigrationLab.boot({ workload: 'zipf-rewrite' });
});
afterAll(() => lab[Symbol.asyncDispose]());

const withProbe: Asked = { policy: 'cache', pivot: false };

/** Before the engine asks the guest for its page cache the second time. */
function atSecondLook(act: () => unknown): Gate {
  return gateAt(({ line, batch }) => line === 6 && batch === 1, act);
}

function expectFallback(watched: Watched, message: RegExp): void {
  const states = eventsOf(watched, 'probe').map(({ state }) => state);
  expect(states).toEqual(['connected', 'lost']);
  const said = eventsOf(watched, 'probe').at(-1)!.message;
  expect(said).toMatch(message);
  expect(said).toMatch(/The migration goes on as policy history, without the page cache\.$/);
  expect(eventsOf(watched, 'cache').length).toBeGreaterThan(0);
  expectCompleted(watched, true);
}

function expectAbsent(watched: Watched, message: RegExp): void {
  expect(eventsOf(watched, 'probe')).toMatchObject([{ state: 'absent' }]);
  expect(eventsOf(watched, 'probe')[0]!.message).toMatch(message);
  expect(eventsOf(watched, 'cache')).toEqual([]);
  expectCompleted(watched, false);
}

function expectCompleted({ error, summary }: Watched, fallback: boolean): void {
  expect(error).toBeUndefined();
  expect(summary).toMatchObject({
    outcome: 'completed',
    verified: true,
    policy: 'cache',
    fallback,
  });
}

describe('in the guest', () => {
  afterEach(async () => {
    await lab.lab.run('[ ! -e /bin/away ] || mv /bin/away /bin/migrascope-probe');
    await lab.lab.run('kill -CONT $(pidof migrascope-probe) 2>/dev/null; true');
  });

  test('the probe hangs', async () => {
    const stop = () => lab.lab.run('kill -STOP $(pidof migrascope-probe)');
    const watched = await lab.migrate({ ...withProbe, gate: atSecondLook(stop) });
    expectFallback(
      watched,
      /^The guest's probe did not report its page cache: .*stopped answering/,
    );
    await lab.expectUnharmed();
  });

  test('the probe is killed, and does not come back', async () => {
    const kill = () =>
      lab.lab.run('mv /bin/migrascope-probe /bin/away; kill -9 $(pidof migrascope-probe)');
    const watched = await lab.migrate({ ...withProbe, gate: atSecondLook(kill) });
    expectFallback(watched, /^The guest's probe did not report its page cache: /);
    await lab.expectUnharmed();
  });

  test('the probe is killed, and is started again', async () => {
    const kill = () => lab.lab.run('kill -9 $(pidof migrascope-probe)');
    const watched = await lab.migrate({ ...withProbe, gate: atSecondLook(kill) });
    expect(watched.error).toBeUndefined();
    expect(watched.summary).toMatchObject({ outcome: 'completed', verified: true });
    await lab.expectUnharmed();
  });

  test('the probe does not run', async () => {
    await lab.lab.run('mv /bin/migrascope-probe /bin/away; kill -9 $(pidof migrascope-probe)');
    const watched = await lab.migrate(withProbe);
    expectAbsent(watched, /^The guest's probe could not be reached: .*had no answer within/);
    await lab.expectUnharmed();
  });
});

describe('at its port', () => {
  test('is something that speaks nonsense', async () => {
    await using port = await ProbePort.listen(lab.newPath('port'), (client) => {
      client.write('SSH-2.0-OpenSSH_9.2\r\n{"hello": 7}\n');
    });
    const watched = await lab.migrate({ ...withProbe, connectProbe: port.connect });
    expectAbsent(watched, /^The guest's probe could not be reached: /);
    await lab.expectUnharmed();
  });

  test.each([
    ['nonsense', 'nonsense\n'],
    ['a reply to nothing', '{"id": null, "error": {"code": "syntax", "message": "what?"}}\n'],
    ['a line without an end', 'x'.repeat(4 * 1024 * 1024)],
  ])('begins %s after the hello', async (_, said) => {
    await using port = await ProbePort.relay(lab.newPath('port'), lab.guest.probe!);
    const watched = await lab.migrate({
      ...withProbe,
      connectProbe: port.connect,
      gate: atSecondLook(() => port.say(said)),
    });
    expectFallback(watched, /^The guest's probe did not report its page cache: /);
    await lab.expectUnharmed();
  });

  test('the connection is lost', async () => {
    await using port = await ProbePort.relay(lab.newPath('port'), lab.guest.probe!);
    const cut = gateAt(12, () => port.cut());
    const watched = await lab.migrate({ ...withProbe, connectProbe: port.connect, gate: cut });
    expectFallback(watched, /^The guest's probe did not .*: .* was lost/);
    await lab.expectUnharmed();
  });
});
