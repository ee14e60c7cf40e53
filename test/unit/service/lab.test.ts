/** The service's requests about guests of the lab: simulated ones, with their ports on this machine. */
import { access, mkdir, writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { placesOf } from '../../../src/lab/folders.js';
import { serveHostPort } from '../../../src/lab/host-port.js';
import { labHandlers } from '../../../src/service/lab.js';
import { systemSockets } from '../../../src/simulator/index.js';
import { ownFolders } from './folders.js';

const { signal } = new AbortController();
/** Of no process. */
const PID = 2 ** 22 + 1;

beforeEach(async () => {
  await ownFolders();
});

/** A guest of the lab that is nothing but the port by which it is known and ended. */
async function guest(name: string, accelerator: string): Promise<void> {
  const at = { type: 'tcp', host: '127.0.0.1', port: 0 } as const;
  const listener = await systemSockets.listen(at, (stream) =>
    serveHostPort(stream, {
      ...{ name, pid: PID, fault: () => Promise.resolve('') },
      end: () => void listener.close(),
    }),
  );
  onTestFinished(() => listener.close());
  const { port } = listener.address as { readonly port: number };
  const { folder: place, state } = placesOf(name);
  await mkdir(place, { recursive: true, mode: 0o700 });
  const hostPort = `tcp:127.0.0.1:${port}`;
  const known = { name, pid: PID, accelerator, hostPort, workload: 'random-rewrite' };
  await writeFile(state, JSON.stringify(known));
}

describe('the lab', () => {
  const lab = labHandlers();
  const request = { workload: 'random-rewrite', size: 2 ** 24, memory: 2 ** 22, seed: 1, speed: 1 };

  it('has no guests where none was started', async () => {
    expect(await lab['lab.list']({}, signal)).toEqual([]);
  });

  it.each(['Upper', '', 'a'.repeat(33), '../up'])('refuses a guest called "%s"', async (name) => {
    const refusal = { kind: 'usage', message: `A lab guest can't be called ${name}.` };
    await expect(lab['lab.up']({ ...request, name }, signal)).rejects.toMatchObject(refusal);
    await expect(lab['lab.down']({ name }, signal)).rejects.toMatchObject(refusal);
  });

  it('ends a guest that is none in peace', async () => {
    await lab['lab.down']({ name: 'nobody' }, signal);
    expect(await lab['lab.list']({}, signal)).toEqual([]);
  });

  it('lists the guests that run, simulated ones and real ones', async () => {
    await guest('first', 'simulated');
    await guest('second', 'kvm');
    expect(await lab['lab.list']({}, signal)).toEqual([
      { name: 'first', kind: 'simulated', workload: 'random-rewrite' },
      { name: 'second', kind: 'qemu', workload: 'random-rewrite' },
    ]);
  });

  it('refuses a second guest of a name, and ends the first one on request', async () => {
    await guest('same', 'simulated');
    await expect(lab['lab.up']({ ...request, name: 'same' }, signal)).rejects.toMatchObject({
      kind: 'lab',
      message: 'The lab guest same runs already.',
    });
    await lab['lab.down']({ name: 'same' }, signal);
    expect(await lab['lab.list']({}, signal)).toEqual([]);
  });

  it('does not start a guest whose start is cancelled', async () => {
    const asked = lab['lab.up']({ ...request, name: 'late' }, AbortSignal.abort());
    await expect(asked).rejects.toMatchObject({
      kind: 'cancelled',
      message: 'Starting the simulated guest was cancelled.',
    });
    expect(await lab['lab.list']({}, signal)).toEqual([]);
  });

  it('tells of a guest that does not start, and keeps nothing of it', async () => {
    const asked = lab['lab.up']({ ...request, name: 'bad', workload: 'no-such-load' }, signal);
    await expect(asked).rejects.toMatchObject({ kind: 'lab' });
    await expect(access(placesOf('bad').folder)).rejects.toThrow(/ENOENT/);
  });
});
