/** Connecting over real sockets: what can be in the way, and that nothing hangs. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectNbd, formatNbdUri } from '../../src/nbd/index.js';
import { readBytes, rejection } from './support/nbd-data.js';
import { freePort, NbdLab } from './support/nbd-servers.js';

let lab: NbdLab;
beforeEach(async () => {
  lab = await NbdLab.create();
});
afterEach(() => lab.end());

const unix = (path: string): string => formatNbdUri({ type: 'unix', path, exportName: '' });

/** A server that takes connections and does as told with them. */
async function listen(onConnection: (socket: net.Socket) => void): Promise<string> {
  const path = lab.path('listener');
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  lab.onEnd(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return path;
}

describe('an address where nobody serves', () => {
  it('that is not there is a ConnectError', async () => {
    const error = await rejection(connectNbd(unix(lab.path('nothing'))));
    expect(error).toMatchObject({ kind: 'connect' });
    expect(error.message).toMatch(/^Connecting to nbd\+unix:.*ENOENT/);
    expect(error.hint).toMatch(/^There is no such socket/);
  });

  it('that is a file is a ConnectError', async () => {
    await writeFile(lab.path('file'), 'x');
    const error = await rejection(connectNbd(unix(lab.path('file'))));
    expect(error).toMatchObject({ kind: 'connect' });
    expect(error.hint).toMatch(/^(Nobody listens there|What lies there is not a socket)/);
  });

  it('that is a port is a ConnectError', async () => {
    const port = await freePort('127.0.0.1');
    const error = await rejection(connectNbd(`nbd://127.0.0.1:${port}/`));
    expect(error).toMatchObject({ kind: 'connect' });
    expect(error.message).toMatch(/^Connecting to nbd:.*ECONNREFUSED/);
    expect(error.hint).toMatch(/^Nobody listens there/);
  });

  it('that has too long a path is a ConnectError', async () => {
    const error = await rejection(connectNbd(unix(lab.path('x'.repeat(200)))));
    expect(error).toMatchObject({ kind: 'connect' });
    expect(error.message).toMatch(/the socket's path is too long\.$/);
  });

  it('is not even tried once cancelled', async () => {
    const error = await rejection(
      connectNbd(unix(lab.path('nothing')), { signal: AbortSignal.abort() }),
    );
    expect(error).toMatchObject({ kind: 'cancelled' });
    expect(error.message).toMatch(/^Connecting to nbd\+unix:.* was cancelled\.$/);
  });
});

describe('a server that is not one', () => {
  it('and says nothing is a TimeoutError', async () => {
    const path = await listen(() => undefined);
    const error = await rejection(connectNbd(unix(path), { handshakeTimeout: 100 }));
    expect(error).toMatchObject({ kind: 'timeout' });
    expect(error.message).toMatch(/^The NBD handshake with nbd\+unix:.* took more than 100 ms\.$/);
  });

  it('and says something else is a ProtocolError', async () => {
    const path = await listen((socket) => socket.write('{"QMP": {"version": {}}}\r\n'));
    const error = await rejection(connectNbd(unix(path)));
    expect(error).toMatchObject({ kind: 'protocol' });
    expect(error.message).toContain('it greets with');
  });

  it('and hangs up is a ConnectionLostError', async () => {
    const path = await listen((socket) => socket.end());
    const error = await rejection(connectNbd(unix(path)));
    expect(error).toMatchObject({ kind: 'connection-lost' });
    expect(error.message).toContain('ended the connection during the handshake');
  });

  it('can be given up', async () => {
    const giveUp = new AbortController();
    const path = await listen(() => giveUp.abort());
    const error = await rejection(connectNbd(unix(path), { signal: giveUp.signal }));
    expect(error).toMatchObject({ kind: 'cancelled' });
  });
});

describe('TCP', () => {
  it.each(['127.0.0.1', '::1'])('reaches %s', async (address) => {
    const { uri } = await lab.nbdkitTcp(address, ['pattern', '1M']);
    const connection = await connectNbd(uri);
    expect((await readBytes(connection, 4096, 8)).readBigUInt64BE()).toBe(4096n);
    await connection.close();
  });
});
