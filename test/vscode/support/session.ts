/** A real VS Code with the packaged extension for the tests of a file or a group, closed whatever they did. */
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { endProcesses } from './migrations.js';
import { packagedExtension } from './packaged.js';
import { startServer, type Server, type ServerOptions } from './server.js';
import { Workbench } from './workbench.js';

export interface SessionOptions extends Omit<ServerOptions, 'vsix'> {
  /** Makes what has to be there before the window is opened. */
  readonly before?: (server: Server) => Promise<void>;
}

export interface Session {
  readonly server: Server;
  readonly workbench: Workbench;
}

/** Opens it before the tests; its parts are there within tests and hooks that are declared later. */
export function useVsCode({ before, ...options }: SessionOptions = {}): Session {
  let server: Server | undefined;
  let workbench: Workbench | undefined;
  beforeAll(async () => {
    server = await startServer({ vsix: packagedExtension(), ...options });
    await before?.(server);
    workbench = await Workbench.open(
      server,
      options.language ? { language: options.language } : {},
    );
  });
  afterAll(async () => {
    if (server) endProcesses(server);
    await workbench?.close();
    await server?.stop();
  });
  beforeEach(({ task, onTestFailed }) => {
    onTestFailed(async () => {
      await workbench?.picture(`failed-${task.name.slice(0, 40)}`);
    });
  });
  const there = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('VS Code is not open yet.');
    return part;
  };
  return {
    get server() {
      return there(server);
    },
    get workbench() {
      return there(workbench);
    },
  };
}
