/** The service's end of the channel: each request by its handler, cancelled on request, failures as faults. */
import { describe, expect, it } from 'vitest';
import { CancelledError, UsageError } from '../../../src/base/errors.js';
import { ServiceServer, type Handlers } from '../../../src/service/server.js';
import type { ServiceMessage } from '../../../src/service/types.js';

function server(handlers: Partial<Handlers>) {
  const sent: ServiceMessage[] = [];
  const channel = { send: (message: ServiceMessage) => void sent.push(message) };
  return { sent, server: new ServiceServer(channel, handlers as Handlers) };
}

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new CancelledError('The look was cancelled.')));
  });

describe('a request', () => {
  it('is answered under its number', async () => {
    const { server: service, sent } = server({ 'lab.list': () => Promise.resolve([]) });
    await service.take({ id: 7, method: 'lab.list', params: {} });
    expect(sent).toEqual([{ reply: 7, result: [] }]);
  });

  it('that fails is answered with kind, message and hint', async () => {
    const { server: service, sent } = server({
      'lab.list': () => Promise.reject(new UsageError('It is not so.', { hint: 'Do this.' })),
    });
    await service.take({ id: 1, method: 'lab.list', params: {} });
    const fault = { kind: 'usage', message: 'It is not so.', hint: 'Do this.' };
    expect(sent).toEqual([{ reply: 1, fault }]);
  });

  it('that breaks is answered as an internal fault', async () => {
    const { server: service, sent } = server({
      'lab.list': () => Promise.reject(new TypeError('x is undefined')),
    });
    await service.take({ id: 1, method: 'lab.list', params: {} });
    expect(sent).toEqual([{ reply: 1, fault: { kind: 'internal', message: 'x is undefined' } }]);
  });

  it('is cancelled alone; the others go on', async () => {
    const { server: service, sent } = server({
      'host.look': (_, signal) => untilAborted(signal),
      'lab.list': () => Promise.resolve([]),
    });
    const params = { host: 'a', timeoutMs: 1 };
    const first = service.take({ id: 1, method: 'host.look', params });
    const second = service.take({ id: 2, method: 'host.look', params });
    await service.take({ cancel: 1 });
    await first;
    expect(sent).toEqual([
      { reply: 1, fault: { kind: 'cancelled', message: 'The look was cancelled.' } },
    ]);
    await service.take({ cancel: 99 });
    service.close();
    await second;
    expect(sent.at(-1)).toMatchObject({ reply: 2, fault: { kind: 'cancelled' } });
  });
});
