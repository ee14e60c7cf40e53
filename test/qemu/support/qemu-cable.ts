/** A cable to a socket that can be pulled and plugged in again, while what is behind it lives on. */
import { createConnection, createServer } from 'node:net';
import type { Socket } from 'node:net';

export interface Cable {
  /** Ends the connections that stand; new ones are still taken. */
  pull(): void;
  /** Takes no new connections either. */
  cut(): void;
  close(): Promise<void>;
}

/** Listens on `path` and passes everything on to `target`, both unix sockets. */
export async function layCable(path: string, target: string): Promise<Cable> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = createConnection(target);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const pull = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    pull,
    cut: () => {
      server.close();
      pull();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        pull();
      }),
  };
}
