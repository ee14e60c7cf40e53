/** Our own NBD server in the test's process, with a small disk in memory, on a unix socket and a TCP port. */
import { once } from 'node:events';
import net from 'node:net';
import { BASE_ALLOCATION, NbdServer, formatNbdUri } from '../../../src/nbd/index.js';
import { MemoryStorage } from '../../unit/nbd-server/support/memory-storage.js';
import type { NbdLab } from './nbd-servers.js';

export const BITMAP = 'qemu:dirty-bitmap:b0';

export interface ServedNbd {
  readonly server: NbdServer;
  readonly storage: MemoryStorage;
  /** Of the unix socket. */
  readonly path: string;
  readonly port: number;
  /** Of the export `disk`, over the unix socket and over TCP. */
  readonly uri: string;
  readonly tcpUri: string;
}

/** Serves the export `disk` until the lab ends. */
export async function serveNbd(lab: NbdLab, size: number, readOnly = false): Promise<ServedNbd> {
  const server = new NbdServer();
  const storage = new MemoryStorage(size);
  const metaContexts = [BASE_ALLOCATION, BITMAP];
  const description = 'A disk of a test';
  const terms = { storage, readOnly, metaContexts, description };
  server.addExport({ name: 'disk', canMultiConn: true, ...terms });
  const path = lab.path('served.socket');
  await listen(lab, server, { path });
  const address = await listen(lab, server, { host: '127.0.0.1', port: 0 });
  if (address === null || typeof address === 'string') throw new Error('No port was bound.');
  const { port } = address;
  const uri = formatNbdUri({ type: 'unix', path, exportName: 'disk' });
  const tcpUri = formatNbdUri({ type: 'tcp', host: '127.0.0.1', port, exportName: 'disk' });
  return { server, storage, path, port, uri, tcpUri };
}

async function listen(
  lab: NbdLab,
  server: NbdServer,
  where: net.ListenOptions,
): Promise<net.AddressInfo | string | null> {
  let count = 0;
  const listener = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    void server.serve(socket, `client ${++count}`);
  });
  listener.listen(where);
  await once(listener, 'listening');
  lab.onEnd(async () => {
    listener.close();
    await server.close();
  });
  return listener.address();
}
