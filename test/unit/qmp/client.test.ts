import { describe, expect, test, vi } from 'vitest';
import { QmpClient, openQmp } from '../../../src/hypervisor/index.js';
import { FakeQmp, greeting, settle } from './fake-qmp.js';

describe('negotiation', () => {
  test('goes through the declared states', async () => {
    const fake = new FakeQmp();
    const client = new QmpClient(fake.client, fake.options());
    const starting = client.start();
    expect(client.state).toBe('connecting');
    fake.stream.write(greeting);
    const capabilities = await fake.next();
    expect(capabilities.execute).toBe('qmp_capabilities');
    expect(client.state).toBe('negotiating');
    fake.send({ return: {}, id: capabilities.id });
    await starting;
    expect(client.state).toBe('running');
    expect(client.version.qemu.major).toBe(7);
    client.close();
    expect(client.state).toBe('closed');
  });

  test('takes input in single bytes', async () => {
    const fake = new FakeQmp();
    const opening = openQmp(fake.client, fake.options());
    for (const byte of Buffer.from(greeting)) fake.stream.write(Buffer.from([byte]));
    await fake.answer();
    expect((await opening).state).toBe('running');
  });

  test('a monitor that does not greet is held by another client', async () => {
    const fake = new FakeQmp();
    const opening = openQmp(fake.client, fake.options());
    fake.clock.advance(2999);
    await settle();
    fake.clock.advance(1);
    await expect(opening).rejects.toMatchObject({
      kind: 'monitor-busy',
      message: expect.stringMatching(
        /^unix:\/vm.qmp did not greet within 3 s: another client holds this monitor/,
      ) as string,
    });
    expect(fake.client.destroyed).toBe(true);
  });

  test('no timer is left after the greeting', async () => {
    const fake = new FakeQmp();
    await fake.running();
    expect(fake.clock.waiting).toBe(0);
  });

  test('a greeting of another protocol is refused at once, without waiting for a line', async () => {
    const fake = new FakeQmp();
    const opening = openQmp(fake.client, fake.options());
    fake.stream.write('NBDMAGICIHAVEOPT\0\u0003');
    await expect(opening).rejects.toMatchObject({
      kind: 'protocol',
      message: expect.stringMatching(
        /^unix:\/vm.qmp does not speak QMP: it began with "NBDM/,
      ) as string,
    });
  });

  test("QEMU's human monitor is named as such", async () => {
    const fake = new FakeQmp();
    const opening = openQmp(fake.client, fake.options());
    fake.stream.write("QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ");
    await expect(opening).rejects.toMatchObject({
      kind: 'protocol',
      hint: expect.stringMatching(/human monitor/) as string,
    });
  });

  test('an offence in one piece with the greeting ends the opening at once', async () => {
    const fake = new FakeQmp();
    const opening = openQmp(fake.client, fake.options());
    fake.stream.write(`${greeting}{"return": {}, "id": 1}\r\n`);
    await expect(opening).rejects.toMatchObject({
      kind: 'protocol',
      message: expect.stringMatching(/^unix:\/vm.qmp sent an answer that was not asked/) as string,
    });
    expect(fake.clock.waiting).toBe(0);
  });

  test('an offence in one piece with the answer to qmp_capabilities gives no running client', async () => {
    const fake = new FakeQmp();
    const opening = openQmp(fake.client, fake.options());
    fake.stream.write(greeting);
    const { id } = await fake.next();
    fake.stream.write(`{"return": {}, "id": ${id}}\r\nnonsense\r\n`);
    await expect(opening).rejects.toMatchObject({
      kind: 'protocol',
      message: expect.stringMatching(/^unix:\/vm.qmp sent what is not JSON/) as string,
    });
  });

  test('a second greeting is an offence', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const command = client.execute('query-status', {});
    fake.stream.write(greeting);
    await expect(command).rejects.toMatchObject({
      kind: 'protocol',
      message: 'unix:/vm.qmp greeted twice.',
    });
  });

  test('an end before the greeting is a failed connection', async () => {
    const fake = new FakeQmp();
    const opening = openQmp(fake.client, fake.options());
    fake.stream.end();
    await expect(opening).rejects.toMatchObject({
      kind: 'connect',
      message: 'Connecting to unix:/vm.qmp failed: the other side ended it.',
    });
  });

  test('refused capabilities end it', async () => {
    const fake = new FakeQmp();
    const opening = openQmp(fake.client, fake.options());
    fake.stream.write(greeting);
    const { id } = await fake.next();
    fake.send({ error: { class: 'CommandNotFound', desc: 'never heard' }, id });
    await expect(opening).rejects.toMatchObject({
      kind: 'qmp-command',
      errorClass: 'CommandNotFound',
    });
  });

  test('silence after the greeting runs into the time limit', async () => {
    const fake = new FakeQmp();
    const opening = openQmp(fake.client, fake.options());
    fake.stream.write(greeting);
    await fake.next();
    fake.clock.advance(3000);
    await expect(opening).rejects.toMatchObject({
      kind: 'timeout',
      message: 'qmp_capabilities on unix:/vm.qmp was not answered within 3 s.',
    });
  });

  test('can be cancelled', async () => {
    const fake = new FakeQmp();
    const cancel = new AbortController();
    const opening = openQmp(fake.client, fake.options({ signal: cancel.signal }));
    cancel.abort();
    await expect(opening).rejects.toMatchObject({
      kind: 'cancelled',
      message: 'Connecting to unix:/vm.qmp was cancelled.',
    });
    expect(fake.client.destroyed).toBe(true);
  });
});

describe('commands', () => {
  test('several may be under way; each gets its own answer', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const status = client.execute('query-status', {});
    const nodes = client.execute('query-named-block-nodes', { flat: true });
    const first = await fake.answer({ running: true, status: 'running' });
    const second = await fake.answer([]);
    expect([first.execute, second.execute]).toEqual(['query-status', 'query-named-block-nodes']);
    expect(second.arguments).toEqual({ flat: true });
    expect(await status).toEqual({ running: true, status: 'running' });
    expect(await nodes).toEqual([]);
  });

  test("a refusal carries QEMU's class and description", async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const command = client.execute('blockdev-del', { 'node-name': 'x' });
    const { id } = await fake.next();
    fake.send({ error: { class: 'GenericError', desc: "Failed to find node 'x'" }, id });
    await expect(command).rejects.toMatchObject({
      kind: 'qmp-command',
      command: 'blockdev-del',
      errorClass: 'GenericError',
      description: "Failed to find node 'x'",
      message: "QEMU refused blockdev-del: Failed to find node 'x'",
    });
    expect(client.state).toBe('running');
  });

  test('an answer out of order is an offence', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const first = client.execute('query-status', {});
    const second = client.execute('query-jobs', {});
    await fake.next();
    const { id } = await fake.next();
    fake.send({ return: [], id });
    const fault = {
      kind: 'protocol',
      message: `unix:/vm.qmp sent an answer out of the order of the commands, id ${id}.`,
    };
    await expect(first).rejects.toMatchObject(fault);
    await expect(second).rejects.toMatchObject(fault);
    expect(client.state).toBe('closed');
  });

  test('an answer nobody asked for is an offence', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const command = client.execute('query-status', {});
    fake.send({ return: {}, id: 99 });
    await expect(command).rejects.toMatchObject({
      kind: 'protocol',
      message: 'unix:/vm.qmp sent an answer that was not asked for, id 99.',
    });
  });

  test('an id that is nested too deeply to be written is an offence like any other', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const command = client.execute('query-status', {});
    const depth = 20_000;
    fake.stream.write(`{"return": {}, "id": ${'['.repeat(depth)}${']'.repeat(depth)}}\r\n`);
    await expect(command).rejects.toMatchObject({
      kind: 'protocol',
      message: 'unix:/vm.qmp sent an answer that was not asked for, id […].',
    });
  });

  test('a message in single bytes is not copied again and again', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const concat = vi.spyOn(Buffer, 'concat');
    const name = 'x'.repeat(20_000);
    const command = client.execute('query-status', {});
    const { id } = await fake.next();
    for (const byte of Buffer.from(JSON.stringify({ return: name, id })))
      fake.stream.write(Buffer.from([byte]));
    fake.stream.write('\n');
    await expect(command).resolves.toBe(name);
    const copied = concat.mock.results.reduce(
      (sum, { value }) => sum + (value as Buffer).length,
      0,
    );
    concat.mockRestore();
    expect(copied).toBeLessThan(20 * name.length);
  });

  test('an error without an id is an offence, and is quoted', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const command = client.execute('query-status', {});
    fake.send({ error: { class: 'GenericError', desc: 'JSON parse error' } });
    await expect(command).rejects.toMatchObject({
      kind: 'protocol',
      message: 'unix:/vm.qmp sent an error (JSON parse error) without the id of a command.',
    });
  });

  test('what is not JSON is an offence', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const command = client.execute('query-status', {});
    fake.stream.write('{"return": \r\n');
    await expect(command).rejects.toMatchObject({ kind: 'protocol' });
  });

  test('a message over the limit ends the connection', async () => {
    const fake = new FakeQmp();
    const client = await fake.running({ maximumMessage: 200 });
    const command = client.execute('query-status', {});
    fake.stream.write('{'.padEnd(300, ' '));
    await expect(command).rejects.toMatchObject({ kind: 'limit' });
  });

  test('cancelling rejects at once; the late answer is dropped, and the next command works', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const cancel = new AbortController();
    const command = client.execute('query-jobs', {}, { signal: cancel.signal });
    const { id } = await fake.next();
    cancel.abort();
    await expect(command).rejects.toMatchObject({
      kind: 'cancelled',
      message: 'query-jobs on unix:/vm.qmp was cancelled.',
    });
    const status = client.execute('query-status', {});
    fake.send({ return: [], id });
    await fake.answer({ running: false, status: 'paused' });
    expect(await status).toEqual({ running: false, status: 'paused' });
  });

  test('a command that was cancelled before is not sent', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const command = client.execute('stop', {}, { signal: AbortSignal.abort() });
    await expect(command).rejects.toMatchObject({ kind: 'cancelled' });
    const status = client.execute('query-status', {});
    expect((await fake.answer({ running: true, status: 'running' })).execute).toBe('query-status');
    await status;
  });

  test('a time limit holds, and its timer goes with the answer', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const quick = client.execute('query-jobs', {}, { timeoutMs: 100 });
    await fake.answer([]);
    await quick;
    expect(fake.clock.waiting).toBe(0);
    const slow = client.execute('query-jobs', {}, { timeoutMs: 100 });
    await fake.next();
    fake.clock.advance(100);
    await expect(slow).rejects.toMatchObject({ kind: 'timeout' });
  });
});

describe('misuse', () => {
  test('names the actual and the required state', async () => {
    const fake = new FakeQmp();
    const client = new QmpClient(fake.client, fake.options());
    await expect(client.execute('query-status', {})).rejects.toMatchObject({
      kind: 'usage',
      message: 'Executing query-status on unix:/vm.qmp needs the state running; it is connecting.',
    });
    expect(() => client.expect('STOP', () => true)).toThrow(
      'Waiting for STOP on unix:/vm.qmp needs the state running; it is connecting.',
    );
    expect(() => client.version).toThrow(
      'Reading the version on unix:/vm.qmp needs the state negotiating; it is connecting.',
    );
  });

  test('starting twice is refused', async () => {
    const client = await new FakeQmp().running();
    await expect(client.start()).rejects.toMatchObject({
      kind: 'usage',
      message: 'Starting on unix:/vm.qmp needs the state connecting; it is running.',
    });
  });

  test('after the end every use says that the connection is lost, and why', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    fake.client.destroy(new Error('broken'));
    await settle();
    await expect(client.execute('query-status', {})).rejects.toMatchObject({
      kind: 'connection-lost',
      message: expect.stringMatching(
        /it is closed\. The connection to unix:\/vm.qmp was lost/,
      ) as string,
    });
    expect(() => client.expect('STOP', () => true)).toThrow(
      /needs the state running; it is closed/,
    );
  });
});

describe('events', () => {
  test('one that comes before the answer of its command is not missed', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const waiter = client.expect('BLOCK_EXPORT_DELETED', ({ id }) => id === 'a');
    const command = client.execute('block-export-del', { id: 'a' });
    const { id } = await fake.next();
    fake.event('BLOCK_EXPORT_DELETED', { id: 'other' });
    fake.event('BLOCK_EXPORT_DELETED', { id: 'a' });
    fake.send({ return: {}, id });
    await command;
    expect(await waiter.data).toEqual({ id: 'a' });
  });

  test('listeners hear every one until they leave', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const heard: unknown[] = [];
    const off = client.on('RESET', (data) => heard.push(data));
    fake.event('RESET', { guest: true });
    fake.event('STOP');
    await settle();
    off();
    fake.event('RESET', { guest: false });
    await settle();
    expect(heard).toEqual([{ guest: true }]);
  });

  test('events that nobody knows are passed over', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    fake.event('RTC_CHANGE', { offset: 1 });
    await settle();
    expect(client.state).toBe('running');
  });

  test('a time limit rejects, and leaves no listener', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const waiter = client.expect('STOP', () => true, { timeoutMs: 500 });
    fake.clock.advance(500);
    await expect(waiter.data).rejects.toMatchObject({
      kind: 'timeout',
      message: 'Waiting for the event STOP of unix:/vm.qmp took longer than 0.5 s.',
    });
  });

  test('cancelling by signal rejects, before and while waiting', async () => {
    const client = await new FakeQmp().running();
    const cancel = new AbortController();
    const waiter = client.expect('STOP', () => true, { signal: cancel.signal });
    cancel.abort();
    await expect(waiter.data).rejects.toMatchObject({ kind: 'cancelled' });
    const late = client.expect('STOP', () => true, { signal: cancel.signal });
    await expect(late.data).rejects.toMatchObject({ kind: 'cancelled' });
  });

  test('a waiter that is given up neither settles nor keeps its timer', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const waiter = client.expect('STOP', () => true, { timeoutMs: 500 });
    waiter.cancel();
    await settle();
    expect(fake.clock.waiting).toBe(0);
    let settled = false;
    waiter.data.finally(() => (settled = true)).catch(() => undefined);
    fake.event('STOP');
    await settle();
    expect(settled).toBe(false);
  });
});

describe('a lost connection', () => {
  test('settles commands and waiters, and is told once', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const told: Error[] = [];
    client.onLost((error) => told.push(error));
    const command = client.execute('query-status', {});
    const waiter = client.expect('STOP', () => true);
    fake.stream.end();
    const lost = {
      kind: 'connection-lost',
      message: 'The connection to unix:/vm.qmp was lost: the other side ended it.',
    };
    await expect(command).rejects.toMatchObject(lost);
    await expect(waiter.data).rejects.toMatchObject(lost);
    expect(told).toHaveLength(1);
    client.onLost((error) => told.push(error));
    expect(told).toHaveLength(2);
  });

  test('closing settles what waits, without telling of a loss', async () => {
    const fake = new FakeQmp();
    const client = await fake.running();
    const told: Error[] = [];
    client.onLost((error) => told.push(error));
    const command = client.execute('query-status', {});
    client.close();
    client.close();
    await expect(command).rejects.toMatchObject({
      kind: 'connection-lost',
      message: 'The connection to unix:/vm.qmp was closed.',
    });
    expect(told).toEqual([]);
  });
});
