import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { connectProbe } from '../../../src/probe/index.js';
import type { Probe } from '../../../src/probe/types.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';
import {
  answerEverything,
  header,
  hello,
  ScriptedProbe,
  type Script,
} from './support/scripted-probe.js';

const disk = { size: 1 << 30 };

async function open(
  script: Script = answerEverything,
): Promise<{ probe: Probe; guest: ScriptedProbe }> {
  const guest = new ScriptedProbe(script);
  const probe = await connectProbe(guest.host, { clock: new SimulatedClock() });
  return { probe, guest };
}

/** Answers as a probe in order does, but for one method. */
function except(method: string, script: Script): Script {
  return (request, probe) =>
    request.method === method ? script(request, probe) : answerEverything(request, probe);
}

function rejection(kind: string, message: RegExp): unknown {
  return expect.objectContaining({ kind, message: expect.stringMatching(message) as unknown });
}

describe('connecting to the probe', () => {
  it('awaits its hello', async () => {
    const { probe } = await open();
    expect(probe.info).toEqual({
      protocol: '1.0',
      method: 'kcore',
      methodReasons: [],
      kernel: '6.12.0',
      bootId: 'boot',
      dirtyExpireMs: 30_000,
      dirtyWritebackMs: 5_000,
      disks: hello.disks,
    });
    await probe.close();
  });

  it('passes over what an earlier connection left, torn lines and old hellos included', async () => {
    const guest = new ScriptedProbe();
    guest.sendText('ents":[[0,4096,"Dd"]]}\n');
    guest.sendText(`{"x":"${'x'.repeat(100_000)}"}\n`);
    guest.send({ id: 'other-1', result: { ...hello, kernel: 'stale' } });
    guest.send({ hello: { ...hello, kernel: 'stale' } });
    const probe = await connectProbe(guest.host, { clock: new SimulatedClock() });
    expect(probe.info.kernel).toBe('6.12.0');
    await probe.close();
  });

  it('asks again when the probe says hello, and once a second', async () => {
    let asked = 0;
    const { probe } = await open(
      except('hello', (request, guest) => {
        asked++;
        if (asked === 1) guest.send({ hello });
        else if (asked === 4) answerEverything(request, guest);
      }),
    );
    expect(asked).toBe(4);
    await probe.close();
  });

  it('does not ask again for each of many hellos', async () => {
    const guest = new ScriptedProbe(() => undefined);
    guest.sendText('{"hello":1}\n'.repeat(10_000));
    await expect(connectProbe(guest.host, { clock: new SimulatedClock() })).rejects.toEqual(
      rejection('timeout', /had no answer within 15000 ms/),
    );
    expect(guest.requests.length).toBeLessThan(50);
  });

  it('gives up when nobody says hello', async () => {
    await expect(open(() => undefined)).rejects.toEqual(
      rejection('timeout', /^Greeting the guest's probe at a stream had no answer within 15000 ms/),
    );
  });

  it('gives up when it is cancelled', async () => {
    const controller = new AbortController();
    const guest = new ScriptedProbe(() => controller.abort());
    const connecting = connectProbe(guest.host, {
      clock: new SimulatedClock(),
      signal: controller.signal,
    });
    await expect(connecting).rejects.toEqual(rejection('cancelled', /^Greeting the guest's probe/));
    expect(guest.host.destroyed).toBe(true);
  });

  it('gives up when megabytes come and no hello', async () => {
    const noise = `${'x'.repeat(1 << 20)}\n`;
    await expect(
      open((_, guest) => {
        for (let i = 0; i < 17; i++) guest.sendText(noise);
      }),
    ).rejects.toEqual(
      rejection('protocol', /^The guest's probe sent 16777216 bytes without a hello/),
    );
  });

  it.each([
    [
      'speaks another version',
      { ...hello, protocol: '2.0' },
      'probe',
      /^The guest's probe speaks version 2.0/,
    ],
    [
      'sees nothing',
      { ...hello, method: 'none', methodReasons: ['Locked.'] },
      'probe',
      /^The guest's probe finds no way to see the page cache. Locked./,
    ],
    [
      'says no version',
      { ...hello, protocol: 7 },
      'protocol',
      /^The guest's probe sent a hello with a 'protocol' that is not a string/,
    ],
    [
      'lists no disks',
      { ...hello, disks: 'vda' },
      'protocol',
      /^The guest's probe sent a hello with 'disks' that is not an array/,
    ],
  ] as const)('gives up when the probe %s', async (_, answer, kind, message) => {
    const script = except('hello', (request, guest) => guest.result(request, answer));
    await expect(open(script)).rejects.toEqual(rejection(kind, message));
  });

  it('says when nobody listens', async () => {
    const address = {
      type: 'unix',
      path: path.join(os.tmpdir(), 'migrascope-no-such-socket'),
    } as const;
    await expect(connectProbe(address)).rejects.toEqual(
      rejection('connect', /^Connecting to the guest's probe at unix:.* failed/),
    );
  });

  it('connects to a socket', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'migrascope-probe-'));
    const address = { type: 'unix', path: path.join(folder, 'socket') } as const;
    const server = net.createServer((socket) => {
      const guest = new ScriptedProbe();
      socket.pipe(guest.host).pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(address.path, resolve));
    try {
      const probe = await connectProbe(address);
      expect(await probe.trim({ disk })).toEqual({ trimmedBytes: 8192 });
      await probe.close();
    } finally {
      server.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe('asking the probe', () => {
  it('names the disk by what is known of it, and asks for paths', async () => {
    const { probe, guest } = await open();
    expect(await probe.snapshot({ disk: { ...disk, serial: 'alpha' }, clean: true })).toMatchObject(
      {
        sequence: 1,
        extents: [],
      },
    );
    expect(guest.requests.at(-1)!.params).toEqual({
      disk: { size: 1 << 30, serial: 'alpha' },
      clean: true,
      paths: true,
    });
    await probe.close();
  });

  it('stages the extents of a drain in lines that are not too long', async () => {
    const { probe, guest } = await open();
    const extents = Array.from({ length: 10_000 }, (_, i) => ({
      offset: i * 2 ** 40,
      length: 65_536,
    }));
    expect(await probe.drain({ disk, extents })).toEqual({ writtenBytes: 4096, tookMs: 3 });
    const staged = guest.requests.filter(({ method }) => method === 'stage');
    expect(staged[0]!.params).toEqual({ extents: [], anew: true });
    expect(staged.flatMap(({ params }) => params['extents'])).toEqual(
      extents.flatMap(({ offset, length }) => [offset, length]),
    );
    for (const request of staged) expect(JSON.stringify(request).length).toBeLessThan(65_536);
    expect(guest.requests.at(-1)).toMatchObject({ method: 'drain', params: { staged: true } });
    await probe.close();
  });

  it('drains everything where nothing is named', async () => {
    const { probe, guest } = await open();
    await probe.drain({ disk });
    expect(guest.requests.at(-1)!.params).toEqual({ disk });
    await probe.close();
  });

  it('asks for one thing after the other', async () => {
    let busy = 0;
    const { probe } = await open(
      except('snapshot', (request, guest) => {
        expect(++busy).toBe(1);
        setImmediate(() => {
          busy--;
          guest.report(request, [{ report: header }]);
        });
      }),
    );
    const looks = [1, 2, 3].map(() => probe.snapshot({ disk, clean: false }));
    expect(await Promise.all(looks)).toHaveLength(3);
    await probe.close();
  });

  it('passes on what the probe refuses', async () => {
    const { probe } = await open(
      except('trim', (request, guest) => guest.error(request, 'unsupported', 'It cannot.')),
    );
    await expect(probe.trim({ disk })).rejects.toEqual(
      rejection('probe', /^Discarding failed in the guest's probe: It cannot\. \(unsupported\)/),
    );
    expect(await probe.drain({ disk })).toMatchObject({ writtenBytes: 4096 });
    await probe.close();
  });

  it('drops lines that answer nothing', async () => {
    const { probe, guest } = await open();
    guest.send({ id: 'old', result: {} });
    guest.send({ id: 'old', extents: [] });
    expect(await probe.trim({ disk })).toEqual({ trimmedBytes: 8192 });
    await probe.close();
  });

  it.each([
    ['is not JSON', '%$§\n', /^The guest's probe sent a line that is not JSON: "%\$§"/],
    ['is no object', '[1]\n', /^The guest's probe sent a line \("\[1\]"\) that is not an object/],
    [
      'is too long',
      `"${'x'.repeat(70_000)}"\n`,
      /^The guest's probe sent a line of more than 65536 bytes/,
    ],
    [
      'says that a request was not understood',
      '{"id":null,"error":{"code":"bad-request","message":"No."}}\n',
      /^The guest's probe did not understand a request: No\./,
    ],
  ])('ends the connection when a line %s', async (_, line, message) => {
    const { probe, guest } = await open(
      except('snapshot', (_request, peer) => peer.sendText(line)),
    );
    const waiting = [probe.snapshot({ disk, clean: false }), probe.trim({ disk })];
    for (const result of await Promise.allSettled(waiting))
      expect(result).toMatchObject({ status: 'rejected' });
    await expect(waiting[0]).rejects.toEqual(rejection('protocol', message));
    expect(guest.host.destroyed).toBe(true);
    await expect(probe.trim({ disk })).rejects.toEqual(
      rejection('connection-lost', /^Discarding failed/),
    );
  });

  it('settles a request whose error can’t be read', async () => {
    const { probe, guest } = await open(
      except('trim', (request, peer) => peer.send({ id: request.id, error: 'none of ours' })),
    );
    await expect(probe.trim({ disk })).rejects.toEqual(
      rejection('protocol', /^The guest's probe sent an error that is not an object/),
    );
    expect(guest.host.destroyed).toBe(true);
  });

  it('settles all that waits when the connection is lost', async () => {
    const { probe } = await open(except('snapshot', (_, guest) => guest.hangUp()));
    const waiting = [probe.snapshot({ disk, clean: false }), probe.trim({ disk })];
    for (const call of waiting)
      await expect(call).rejects.toEqual(rejection('connection-lost', /./));
    await probe.close();
  });

  it('gives up a probe that gives no sign of life', async () => {
    const { probe, guest } = await open((request, peer) => {
      if (request.method === 'hello') answerEverything(request, peer);
    });
    await expect(probe.drain({ disk })).rejects.toEqual(
      rejection('timeout', /^The guest's probe stopped answering/),
    );
    expect(guest.host.destroyed).toBe(true);
  });

  it('does not wait for what a probe was asked before it was started anew', async () => {
    let killed = false;
    const { probe } = await open(
      except('drain', (request, guest) => {
        if (killed) answerEverything(request, guest);
        else guest.sendText(`\n${JSON.stringify({ hello })}\n`);
        killed = true;
      }),
    );
    await expect(probe.drain({ disk })).rejects.toEqual(
      rejection('connection-lost', /^Writing back failed: the guest's probe was started anew/),
    );
    expect(await probe.drain({ disk })).toMatchObject({ writtenBytes: 4096 });
    await probe.close();
  });

  it('ends a request that takes too long, and goes on', async () => {
    let ignored: string | undefined;
    const { probe } = await open((request, guest) => {
      if (request.method === 'snapshot' && ignored === undefined) ignored = request.id;
      else if (request.method === 'cancel') {
        guest.error({ ...request, id: ignored! }, 'cancelled', 'Cancelled.');
        guest.result(request, {});
      } else answerEverything(request, guest);
    });
    await expect(probe.snapshot({ disk, clean: false })).rejects.toEqual(
      rejection('timeout', /^Reporting the page cache took longer than 60000 ms/),
    );
    expect((await probe.snapshot({ disk, clean: false })).sequence).toBe(1);
    await probe.close();
  });

  it('cancels a request, and begins the next when the probe is done with it', async () => {
    const controller = new AbortController();
    const { probe, guest } = await open((request, peer) => {
      if (request.method === 'drain') controller.abort();
      else if (request.method === 'cancel') {
        peer.error({ ...request, id: request.params['id'] as string }, 'cancelled', 'Cancelled.');
        peer.result(request, {});
      } else answerEverything(request, peer);
    });
    const draining = probe.drain({ disk }, controller.signal);
    const trimming = probe.trim({ disk });
    await expect(draining).rejects.toEqual(rejection('cancelled', /^Writing back was cancelled/));
    expect(await trimming).toEqual({ trimmedBytes: 8192 });
    expect(guest.methods).toEqual(['hello', 'drain', 'cancel', 'trim']);
    await probe.close();
  });

  it('gives signs of life while it steers, and ends the steering when it is closed', async () => {
    let pings = 0;
    const { probe, guest } = await open(
      except('ping', (request, peer) => {
        pings++;
        peer.result(request, { monotonicMs: 1, steering: true });
        if (pings === 3) void probe.close();
      }),
    );
    await probe.steer({ mode: 'hold', forMs: 60_000 });
    while (!guest.host.destroyed) await new Promise((resolve) => setImmediate(resolve));
    expect(pings).toBe(3);
    expect(guest.methods.at(-1)).toBe('steer');
    expect(guest.requests.at(-1)!.params).toEqual({ mode: 'release' });
  });

  it('closes twice, and refuses what comes after', async () => {
    const { probe } = await open();
    await probe.close();
    await probe.close();
    await expect(probe.snapshot({ disk, clean: false })).rejects.toEqual(
      rejection('connection-lost', /^Reporting the page cache failed/),
    );
  });
});
