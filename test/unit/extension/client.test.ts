/** The extension's end of the service: requests, their cancellation, and a process that ends. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ServiceClient, ServiceError } from '../../../src/extension/service/client.js';
import type { Fault, ViewNote } from '../../../src/service/types.js';
import { testFolder } from '../runs/support.js';

/** Answers `view.file` with what it was told and `lab.list` with the hosts that it knows, ends on `lab.down`, and leaves `host.look` to be cancelled. */
const SERVICE = `
let hosts = [];
process.on('message', (message) => {
  const { id, method, params, cancel } = message;
  if (cancel !== undefined)
    process.send({ reply: cancel, fault: { kind: 'cancelled', message: 'The look was cancelled.' } });
  else if (method === 'host.settings') {
    hosts = Object.keys(params.hosts);
    process.send({ reply: id, result: [] });
  } else if (method === 'lab.list') process.send({ reply: id, result: hosts });
  else if (method === 'view.file') process.send({ reply: id, result: params });
  else if (method === 'run.tell')
    process.send({ reply: id, fault: { kind: 'usage', message: 'It is dead.', hint: 'Recover it.' } });
  else if (method === 'view.csv') {
    process.send({ note: { type: 'trouble', error: { kind: 'internal', message: 'told' } } });
    process.send({ log: { level: 'warn', message: 'logged' } });
    process.send({ reply: id, result: new Uint32Array([7]) });
  } else if (method === 'lab.down') {
    console.error('out of memory');
    process.exit(3);
  }
});
process.on('disconnect', () => process.exit(0));
`;

/** A clock whose waits are over at once, and are written down. */
class NotingClock {
  readonly waits: number[] = [];
  now(): number {
    return 0;
  }
  sleep(milliseconds: number): Promise<void> {
    this.waits.push(milliseconds);
    return Promise.resolve();
  }
}

async function client(source = SERVICE) {
  const program = join(await testFolder(), 'service.cjs');
  await writeFile(program, source);
  const notes: ViewNote[] = [];
  const logs: string[] = [];
  const ends: Fault[] = [];
  const clock = new NotingClock();
  const settings: Record<string, string> = { first: 'unix:/a' };
  const service = new ServiceClient(
    program,
    {
      note: (note) => notes.push(note),
      hosts: () => settings,
      log: (level, message) => logs.push(`${level}: ${message}`),
      ended: (fault) => ends.push(fault),
    },
    { ended: (how) => ({ message: `Ended (${how}).`, hint: 'Look at the log.' }) },
    clock,
  );
  onTestFinished(() => {
    service.dispose();
  });
  return { service, notes, logs, ends, clock, settings };
}

describe('a request', () => {
  it('is answered, each by its own reply', async () => {
    const { service } = await client();
    const [first, second] = await Promise.all([
      service.ask('view.file', { id: 'a' }),
      service.ask('view.file', { id: 'b' }),
    ]);
    expect([first, second]).toEqual([{ id: 'a' }, { id: 'b' }]);
  });

  it('fails as the service says', async () => {
    const { service } = await client();
    const failed = service.ask('run.tell', { run: 'a', command: { command: 'pause' } });
    await expect(failed).rejects.toMatchObject({
      kind: 'usage',
      message: 'It is dead.',
      hint: 'Recover it.',
    });
  });

  it('is told of notes and log lines before its reply, with typed arrays as they are', async () => {
    const { service, notes, logs } = await client();
    const reply: unknown = await service.ask('view.csv', { what: 'rounds' });
    expect(reply).toEqual(new Uint32Array([7]));
    expect(notes).toMatchObject([{ type: 'trouble', error: { message: 'told' } }]);
    expect(logs).toContain('warn: logged');
  });

  it('is cancelled by its signal', async () => {
    const { service } = await client();
    const cancel = new AbortController();
    const look = service.ask('host.look', { host: 'a', timeoutMs: 1e6 }, cancel.signal);
    await service.ask('view.file', { id: 'a' });
    cancel.abort();
    await expect(look).rejects.toMatchObject({ kind: 'cancelled', message: /^The look was/ });
    const late = service.ask('host.look', { host: 'a', timeoutMs: 1e6 }, cancel.signal);
    await expect(late).rejects.toMatchObject({ kind: 'cancelled', message: /^The request was/ });
  });

  it('is settled when the client is closed, and a later one is refused', async () => {
    const { service, ends } = await client();
    const look = service.ask('host.look', { host: 'a', timeoutMs: 1e6 });
    look.catch(() => undefined);
    await service.ask('view.file', { id: 'a' });
    service.dispose();
    await expect(look).rejects.toMatchObject({ kind: 'cancelled', message: /^The view is closed/ });
    await expect(service.ask('view.file', { id: 'a' })).rejects.toBeInstanceOf(ServiceError);
    expect(ends).toEqual([]);
  });
});

describe('a service process that ends', () => {
  it('fails what waits, says why, and is started again for the next request', async () => {
    const { service, ends, logs, clock } = await client();
    const look = service.ask('host.look', { host: 'a', timeoutMs: 1e6 });
    look.catch(() => undefined);
    const down = service.ask('lab.down', { name: 'a' });
    const fault = { kind: 'internal', message: 'Ended (exit code 3).', hint: 'Look at the log.' };
    await expect(down).rejects.toMatchObject(fault);
    await expect(look).rejects.toMatchObject(fault);
    expect(ends).toEqual([fault]);
    expect(logs.join()).toContain('error: out of memory');
    const again: unknown = await service.ask('view.file', { id: 'a' });
    expect(again).toEqual({ id: 'a' });
    expect(clock.waits).toEqual([500]);
  });

  it('is waited for longer each time, until one answers', async () => {
    const { service, clock } = await client();
    const fall = async () => {
      await service.ask('lab.down', { name: 'a' }).catch(() => undefined);
    };
    for (let time = 0; time < 8; time++) await fall();
    expect(clock.waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    await service.ask('view.file', { id: 'a' });
    await fall();
    await fall();
    expect(clock.waits.at(-1)).toBe(500);
  });

  it('as it begins fails its first request', async () => {
    const { service } = await client('process.exit(4)');
    const first = service.ask('view.file', { id: 'a' });
    await expect(first).rejects.toMatchObject({
      kind: 'internal',
      message: /^Ended \(exit code 4/,
    });
  });

  it('is told the hosts of the settings before it is asked, each time it is started', async () => {
    const { service, settings } = await client();
    expect(await service.ask('lab.list', {})).toEqual(['first']);
    settings['second'] = 'unix:/b';
    await service.ask('lab.down', { name: 'a' }).catch(() => undefined);
    expect(await service.ask('lab.list', {})).toEqual(['first', 'second']);
  });
});
