/**
 * QEMU's NBD server and the exports that runs put on it. QEMU has one such server: it is started
 * for the first who needs it and stopped after the last. One that is not ours is left alone.
 */
import { connectNbd, formatNbdUri } from '../../nbd/index.js';
import { HypervisorError, NbdOptionError, QmpCommandError } from '../../base/errors.js';
import { Serial } from '../undo.js';
import type { Place } from './access.js';
import { cleanUpTimeoutMs, saysNotThere } from './session.js';
import type { ChangeOptions, QemuSession } from './session.js';

/** How often another place is tried when somebody else already listens there. */
const mostPlaces = 5;

/** Somebody's use of the server. */
export interface NbdLease {
  uri(exportName: string): string;
  /** Idempotent; the last one stops the server. When that fails, it can be called again. */
  release(): Promise<void>;
}

export class QemuNbdServer {
  readonly #serial = new Serial();
  #place: Place | undefined;
  #users = 0;

  constructor(
    private readonly session: QemuSession,
    private readonly makePlace: (signal?: AbortSignal) => Promise<Place>,
  ) {}

  /** @throws HypervisorError when a foreign NBD server is in the way, or QEMU can't listen. */
  acquire(run: string, signal?: AbortSignal): Promise<NbdLease> {
    return this.#serial.run(async () => {
      const place = (this.#place ??= await this.#start(run, signal));
      this.#users += 1;
      let released = false;
      return {
        uri: (exportName) => formatNbdUri({ ...place.reached, exportName }),
        release: () =>
          this.#serial.run(async () => {
            if (!released) this.#users -= 1;
            released = true;
            if (this.#users === 0) await this.#stop(run);
          }),
      };
    });
  }

  async #start(run: string, signal: AbortSignal | undefined): Promise<Place> {
    for (let attempt = 1; ; attempt++) {
      const place = await this.makePlace(signal);
      try {
        await this.session.change(run, 'nbd-server-start', { addr: place.listen });
        return place;
      } catch (error) {
        if (!(error instanceof QmpCommandError)) await this.#stopIfStarted(run, place);
        await place.dispose();
        if (!(error instanceof QmpCommandError)) throw error;
        const taken = error.description.includes('Address already in use');
        if (!taken || attempt === mostPlaces) throw await this.#refusal(error);
      }
    }
  }

  /** After a command whose answer never came: at a place that only we know, a server is ours. */
  async #stopIfStarted(run: string, place: Place): Promise<void> {
    const { clock, logger, dial } = this.session.options;
    if (!(await this.session.reachAgain())) return;
    const uri = formatNbdUri({ ...place.reached, exportName: 'migrascope' });
    try {
      const connection = await connectNbd(uri, { clock, logger, dial });
      connection.destroy();
    } catch (error) {
      if (!(error instanceof NbdOptionError)) return;
    }
    await this.session.remove(run, 'nbd-server-stop', {});
  }

  async #refusal(error: QmpCommandError): Promise<HypervisorError> {
    const { name } = this.session;
    if (!error.description.includes('already running')) {
      return new HypervisorError(
        `The NBD server of ${name} could not be started: ${error.description}.`,
        {
          cause: error,
          hint: "QEMU's user must be able to make a socket there; the hosts file's nbdDirectory names another place.",
        },
      );
    }
    const exports = await this.session.qmp.execute('query-block-exports', {});
    const names = exports.map(({ id }) => id).join(', ');
    const left = exports.some(({ id }) => id.startsWith('migrascope-'));
    return new HypervisorError(
      `An NBD server that is not ours is in the way on ${name}${names ? ` (exports: ${names})` : ''}.`,
      {
        cause: error,
        hint: left
          ? 'A run has it, or left it: `migrascope runs` shows which run, `migrascope recover` puts right what a dead one left.'
          : 'QEMU has only one NBD server. Let the one who started it finish, or stop it with nbd-server-stop when nobody uses it.',
      },
    );
  }

  async #stop(run: string): Promise<void> {
    if (!this.#place) return;
    await this.#place.dispose();
    await this.session.remove(run, 'nbd-server-stop', {});
    this.#place = undefined;
  }
}

export interface ExportRequest {
  readonly run: string;
  /** Part of the export's name. */
  readonly purpose: string;
  readonly node: string;
  readonly writable: boolean;
  readonly bitmaps?: readonly string[];
  /** Made and removed again and again. */
  readonly routine?: true;
}

/** An export that a run made. */
export interface NbdExport {
  readonly uri: string;
  /** Removes it and waits until its node is free of it; who is connected to it is disconnected. */
  remove(): Promise<void>;
}

/**
 * No export is left when it throws, if QEMU can be reached.
 * @throws QmpCommandError when QEMU refuses the export.
 */
export async function addExport(
  session: QemuSession,
  lease: NbdLease,
  { run, purpose, node, writable, bitmaps, ...manner }: ExportRequest,
): Promise<NbdExport> {
  const id = session.newName(run, purpose);
  try {
    const args = {
      type: 'nbd',
      id,
      name: id,
      'node-name': node,
      writable,
      ...(bitmaps ? { bitmaps } : {}),
    } as const;
    await session.change(run, 'block-export-add', args, manner);
  } catch (error) {
    await session.undoIfLost(error, `export ${id}`, () => removeExport(session, run, id));
    throw error;
  }
  let removed = false;
  return {
    uri: lease.uri(id),
    remove: async () => {
      if (removed) return;
      await removeExport(session, run, id, manner);
      removed = true;
    },
  };
}

/** Removes an export and waits until its node is free of it; content when it is not there. */
export async function removeExport(
  session: QemuSession,
  run: string,
  id: string,
  manner: Pick<ChangeOptions, 'routine'> = {},
): Promise<void> {
  const deleted = session.qmp.expect('BLOCK_EXPORT_DELETED', (data) => data.id === id, {
    timeoutMs: cleanUpTimeoutMs,
  });
  try {
    const args = { id, mode: 'hard' } as const;
    await session.change(run, 'block-export-del', args, {
      undoes: true,
      timeoutMs: cleanUpTimeoutMs,
      ...manner,
    });
  } catch (error) {
    deleted.cancel();
    if (error instanceof QmpCommandError && saysNotThere(error)) return;
    throw error;
  }
  await deleted.data;
}
