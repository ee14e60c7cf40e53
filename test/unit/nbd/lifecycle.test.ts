import { describe, expect, it } from 'vitest';
import { ConnectionLostError } from '../../../src/base/errors.js';
import {
  chunk,
  dataChunk,
  errorChunk,
  holeChunk,
  optionReply,
  pattern,
  simpleReply,
} from './support/bytes.js';
import { connected, rejection, rejections, settle, startClient } from './support/fake-server.js';
import { ManualClock } from './support/manual-clock.js';

const DISC = Buffer.concat([Buffer.from('2560951300000002', 'hex'), Buffer.alloc(20)]);

describe('the time limit of the handshake', () => {
  it('ends it with a TimeoutError', async () => {
    const clock = new ManualClock();
    const { server, connecting } = startClient({ clock, handshakeTimeout: 500 });
    await server.greet();
    clock.advance(499);
    await settle();
    expect(server.closed).toBe(false);
    clock.advance(1);
    const error = await rejection(connecting);
    expect(error).toMatchObject({
      kind: 'timeout',
      message: 'The NBD handshake with the fake server took more than 500 ms.',
    });
    expect(error).toHaveProperty('hint', expect.stringContaining('Another client'));
    await server.untilClosed();
  });

  it('does not outlive it', async () => {
    const clock = new ManualClock();
    const { client } = await connected({}, { clock });
    expect(clock.sleeping).toBe(0);
    clock.advance(100_000);
    await settle();
    const flushing = client.flush();
    client.destroy();
    expect((await rejection(flushing)).message).toContain('was destroyed here');
  });

  it('does not let a server that answers no more keep a refusal back', async () => {
    const clock = new ManualClock();
    const { server, connecting } = startClient({ clock, structuredReplies: false });
    await server.greet();
    await server.option();
    server.send(optionReply(7, 2 ** 31 + 6));
    expect((await server.option()).option).toBe(3);
    await settle();
    clock.advance(1000);
    expect(await rejection(connecting)).toMatchObject({ kind: 'nbd-option' });
    await server.untilClosed();
  });
});

describe('aborting', () => {
  it('gives the handshake up', async () => {
    const giveUp = new AbortController();
    const { server, connecting } = startClient({ signal: giveUp.signal });
    await server.greet();
    giveUp.abort(new Error('enough'));
    expect(await rejection(connecting)).toMatchObject({
      kind: 'cancelled',
      message: 'The NBD handshake with the fake server was cancelled.',
    });
    await server.untilClosed();
  });

  it('before it begins gives the handshake up, too', async () => {
    const { server, connecting } = startClient({ signal: AbortSignal.abort() });
    expect(await rejection(connecting)).toMatchObject({ kind: 'cancelled' });
    await server.untilClosed();
  });

  it('rejects commands at once, and drops their answers', async () => {
    const { server, client } = await connected();
    const giveUp = new AbortController();
    const options = { signal: giveUp.signal };
    const given = [
      client.read(0, 512, options),
      client.flush(options),
      client.trim(0, 512, options),
    ];
    const outcomes = rejections(given);
    const kept = client.read(512, 512);
    const requests = [
      await server.request(),
      await server.request(),
      await server.request(),
      await server.request(),
    ];
    giveUp.abort();
    for (const error of await outcomes) {
      expect(error).toMatchObject({ kind: 'cancelled' });
      expect(error.message).toMatch(/^(READ|FLUSH|TRIM).* on the fake server was cancelled\.$/);
    }
    server.send(
      dataChunk(requests[0]!.cookie, true, 0, pattern(0, 512)),
      errorChunk(requests[1]!.cookie, true, 5),
      simpleReply(requests[2]!.cookie),
      holeChunk(requests[3]!.cookie, true, 512, 512),
    );
    expect((await kept).length).toBe(512);
  });

  it('before it is sent keeps a command from being sent', async () => {
    const { server, client } = await connected();
    expect(await rejection(client.flush({ signal: AbortSignal.abort() }))).toMatchObject({
      kind: 'cancelled',
    });
    client.destroy();
    expect(await server.untilClosed()).toHaveLength(0);
  });

  it('leaves no listener behind', async () => {
    const { server, client } = await connected();
    const giveUp = new AbortController();
    let listeners = 0;
    const { signal } = giveUp;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>): void => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
      listeners--;
      remove(...args);
    };
    const all = Array.from({ length: 20 }, () => client.flush({ signal }));
    expect(listeners).toBe(1);
    for (let count = all.length; count > 0; count--)
      server.send(chunk((await server.request()).cookie, 0, true));
    await Promise.all(all);
    expect(listeners).toBe(0);
  });

  it('rejects a write whose data have left at once', async () => {
    const { server, client } = await connected();
    const giveUp = new AbortController();
    const writing = client.write(0, [Buffer.alloc(512)], { signal: giveUp.signal });
    const { cookie } = await server.request();
    giveUp.abort();
    expect(await rejection(writing)).toMatchObject({ kind: 'cancelled' });
    server.send(simpleReply(cookie));
    const flushing = client.flush();
    server.send(simpleReply((await server.request()).cookie));
    await flushing;
  });

  it('rejects a write whose data are on their way once they have left', async () => {
    const { near, server, client } = await connected();
    const resume = near.stall();
    const giveUp = new AbortController();
    let settled = false;
    const writing = client.write(0, [pattern(0, 512)], { signal: giveUp.signal });
    const outcome = rejection(writing).finally(() => (settled = true));
    await settle();
    giveUp.abort();
    await settle();
    expect(settled).toBe(false);
    resume();
    expect(await outcome).toMatchObject({ kind: 'cancelled' });
    expect((await server.request()).data).toEqual(pattern(0, 512));
  });

  it('destroys the connection when the data of a write cannot leave', async () => {
    const clock = new ManualClock();
    const { near, client } = await connected({}, { clock });
    near.stall();
    const giveUp = new AbortController();
    const writing = client.write(0, [pattern(0, 512)], { signal: giveUp.signal });
    const flushing = client.flush();
    await settle();
    giveUp.abort();
    await settle();
    clock.advance(1000);
    expect(await rejection(writing)).toMatchObject({ kind: 'cancelled' });
    expect(await rejection(flushing)).toMatchObject({
      kind: 'connection-lost',
      message:
        'WRITE of 512 bytes at offset 0 was cancelled on its way, and the fake server does not take the rest.',
    });
  });
});

describe('an error that comes before the data of its write have left', () => {
  it('rejects once they have', async () => {
    const { near, server, client } = await connected();
    const first = client.flush();
    const { cookie } = await server.request();
    const resume = near.stall();
    let settled = false;
    const outcome = rejection(client.write(0, [pattern(0, 512)])).finally(() => (settled = true));
    await settle();
    server.send(simpleReply(cookie), simpleReply(cookie + 1, 28));
    await first;
    await settle();
    expect(settled).toBe(false);
    resume();
    expect(await outcome).toMatchObject({ kind: 'nbd-command', errno: 28 });
  });
});

describe('a lost connection', () => {
  it.each([
    ['ends', undefined, 'the fake server ended the connection while 3 commands were in flight.'],
    [
      'breaks',
      new Error('ECONNRESET'),
      'the fake server ended the connection while 3 commands were in flight.',
    ],
  ])('rejects all that waits when it %s', async (_, cause, message) => {
    const { server, client } = await connected();
    const all = [client.read(0, 512), client.write(0, [Buffer.alloc(512)]), client.flush()];
    const outcomes = rejections(all);
    const { cookie } = await server.request();
    server.send(dataChunk(cookie, false, 0, pattern(0, 100)).subarray(0, 60));
    await settle();
    server.stream.destroy(cause);
    for (const error of await outcomes) {
      expect(error).toMatchObject({ kind: 'connection-lost', message });
      expect(error.cause).toBe(cause);
    }
    expect(await rejection(client.flush())).toMatchObject({
      kind: 'connection-lost',
      message: "FLUSH can't be sent: The connection to the fake server has ended.",
    });
    await client.close();
  });

  it('is noticed when nothing is in flight', async () => {
    const { server, client } = await connected();
    server.stream.destroy();
    await settle();
    const error = await rejection(client.read(0, 512));
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(error.cause).toMatchObject({ message: 'the fake server ended the connection.' });
  });
});

describe('destroy', () => {
  it('rejects all that waits, with the given error or its own', async () => {
    for (const given of [new Error('over'), undefined]) {
      const { server, client } = await connected();
      const reading = client.read(0, 512);
      client.destroy(given);
      client.destroy(new Error('later'));
      const error = await rejection(reading);
      if (given) expect(error).toBe(given);
      else expect(error.message).toBe('The connection to the fake server was destroyed here.');
      await server.untilClosed();
      await client.close();
    }
  });
});

describe('close', () => {
  it('says so to the server, and resolves when the server has ended', async () => {
    const { server, client } = await connected();
    const closing = client.close();
    expect(client.close()).toBe(closing);
    expect(await server.receive(28)).toEqual(DISC);
    server.stream.end();
    await closing;
    expect((await rejection(client.flush())).message).toBe(
      "FLUSH can't be sent: The connection to the fake server was closed.",
    );
  });

  it('lets what is in flight settle first', async () => {
    const { server, client } = await connected();
    const reading = client.read(0, 512);
    const closing = client.close();
    const { cookie } = await server.request();
    server.send(holeChunk(cookie, true, 0, 512));
    expect((await reading).length).toBe(512);
    expect(await server.receive(28)).toEqual(DISC);
    server.stream.end();
    await closing;
  });

  it('gives a server up that answers nothing any more', async () => {
    const clock = new ManualClock();
    const { server, client } = await connected({}, { clock });
    const [one, other] = [client.read(0, 512), client.read(0, 512)];
    const closing = client.close();
    await settle();
    clock.advance(9999);
    server.send(holeChunk((await server.request()).cookie, true, 0, 512));
    await one;
    clock.advance(1);
    await settle();
    expect(server.closed).toBe(false);
    clock.advance(10_000);
    await settle();
    clock.advance(10_000);
    await closing;
    expect(await rejection(other)).toMatchObject({ kind: 'connection-lost' });
    await server.untilClosed();
  });

  it('gives a server up that does not end', async () => {
    const clock = new ManualClock();
    const { server, client } = await connected({}, { clock });
    const closing = client.close();
    await server.receive(28);
    clock.advance(10_000);
    await closing;
    await server.untilClosed();
  });
});

describe('a server that shuts down', () => {
  it('is left, after what is in flight', async () => {
    const { server, client } = await connected();
    const [flushing, reading] = [client.flush(), client.read(0, 512)];
    const [first, second] = [await server.request(), await server.request()];
    server.send(simpleReply(first.cookie, 108));
    expect(await rejection(flushing)).toMatchObject({ kind: 'nbd-command', errno: 108 });
    expect(await rejection(client.flush())).toMatchObject({ kind: 'connection-lost' });
    server.send(holeChunk(second.cookie, true, 0, 512));
    expect((await reading).length).toBe(512);
    expect(await server.receive(28)).toEqual(DISC);
    server.stream.end();
  });
});
