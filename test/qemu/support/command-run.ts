/**
 * A migration as people run it, dist/cli.js: an engine process of its own, a command as its
 * controller, and a hand of the test's on its control socket. What it leaves is known by its TMPDIR.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ControlClient,
  readJournal,
  runFolder,
  runStatus,
  type JournalRecord,
  type MigrationEvent,
  type RunEnd,
  type RunFolder,
} from '../../../src/engine/index.js';

const built = join(import.meta.dirname, '../../../dist/cli.js');

/** What the command said, and how it ended. */
export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PlaceOptions {
  /** A new folder for this run alone. */
  readonly folder: string;
  /** Of all runs. */
  readonly state: string;
  /** How the host `web` is reached: its monitor, and the guardian's own. */
  readonly host: { readonly address: string; readonly guardian?: string };
  /** The command's program; the one that was built unless told. */
  readonly program?: string;
}

/** Where the command finds its runs, its hosts and room for sockets. */
export class CommandPlace {
  private constructor(private readonly options: PlaceOptions) {}

  static async make(options: PlaceOptions): Promise<CommandPlace> {
    const place = new CommandPlace(options);
    const { folder, host } = options;
    await mkdir(place.temporary, { recursive: true });
    await mkdir(join(folder, 'migrascope'));
    const hosts = JSON.stringify({ hosts: { web: host } });
    await writeFile(join(folder, 'migrascope/hosts.json'), hosts);
    return place;
  }

  get temporary(): string {
    return join(this.options.folder, 'tmp');
  }

  get state(): string {
    return this.options.state;
  }

  get env(): NodeJS.ProcessEnv {
    const { folder, state } = this.options;
    const own = { MIGRASCOPE_STATE: state, XDG_CONFIG_HOME: folder, TMPDIR: this.temporary };
    return { ...process.env, ...own };
  }

  get #program(): string {
    return this.options.program ?? built;
  }

  /** Runs the command to its end. */
  execute(...args: readonly string[]): Promise<Ended> {
    return new Promise((resolve) => {
      const { env } = this;
      execFile(process.execPath, [this.#program, ...args], { env }, (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : null) : 0;
        resolve({ code, stdout, stderr });
      });
    });
  }

  spawn(...args: readonly string[]): ChildProcess {
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    return spawn(process.execPath, [this.#program, ...args], { env: this.env, stdio: [...stdio] });
  }

  /** The processes that were started from here and live. */
  async processes(): Promise<{ readonly pid: number; readonly command: string }[]> {
    const found: { pid: number; command: string }[] = [];
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const read = (file: string) => readFile(`/proc/${name}/${file}`, 'latin1').catch(() => '');
      const environment = (await read('environ')).split('\0');
      if (!environment.includes(`TMPDIR=${this.temporary}`)) continue;
      found.push({ pid: Number(name), command: (await read('cmdline')).replaceAll('\0', ' ') });
    }
    return found;
  }

  async pidOf(name: string): Promise<number> {
    const found = (await this.processes()).filter((each) => each.command.includes(name));
    if (found.length !== 1)
      throw new Error(`There are ${found.length} processes called ${name}, not one.`);
    return found[0]!.pid;
  }

  /** What is left of the run on this machine, once nothing changes any more. */
  async remains(): Promise<readonly string[]> {
    for (let tries = 0; ; tries++) {
      const processes = (await this.processes()).map((each) => each.command);
      const left = [...processes, ...(await readdir(this.temporary))];
      if (left.length === 0 || tries === 150) return left;
      await delay(100);
    }
  }

  /** Ends whatever of the run still lives. */
  async killAll(): Promise<void> {
    for (const { pid } of await this.processes()) signal(pid, 'SIGKILL');
  }
}

/** A process that is gone already gets none. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** A run with its controller. */
export class CommandRun {
  readonly events: MigrationEvent[] = [];
  readonly notes: string[] = [];
  /** How the run ended; undefined where its engine process was lost. */
  readonly over: Promise<RunEnd | undefined>;
  readonly controllerEnded: Promise<Ended>;
  readonly #client: ControlClient;
  #wake: () => void = () => undefined;
  #isOver = false;

  private constructor(
    readonly place: CommandPlace,
    readonly folder: RunFolder,
    readonly enginePid: number,
    readonly controller: ChildProcess,
    client: (run: CommandRun) => ControlClient,
  ) {
    this.controllerEnded = endOf(controller);
    this.#client = client(this);
    this.over = this.#client.ended().catch(() => undefined);
    void this.over.then(() => {
      this.#isOver = true;
      this.#wake();
    });
  }

  /** Begins a run that stands before its first statement, with a controller. */
  static async begin(place: CommandPlace, ...args: readonly string[]): Promise<CommandRun> {
    const begun = await place.execute('migrate', ...args, '--detach', '--step');
    const id = /The run (\S+) goes on/.exec(begun.stderr)?.[1];
    if (id === undefined) throw new Error(`The run did not begin: ${begun.stderr}`);
    return CommandRun.join(place, id);
  }

  /** Attaches to a run that lives, with a controller. */
  static join(place: CommandPlace, id: string): Promise<CommandRun> {
    return CommandRun.#join(place, id, place.spawn('attach', id, '--json'));
  }

  /** Begins a run that nobody holds; the command that began it is its controller. */
  static async beginFree(place: CommandPlace, ...args: readonly string[]): Promise<CommandRun> {
    const known = new Set(await runsOf(place));
    const controller = place.spawn('migrate', ...args, '--json');
    // It is attached, and the run begins.
    await Promise.race([once(controller.stdout!, 'data'), once(controller, 'close')]);
    const id = (await runsOf(place)).find((each) => !known.has(each));
    if (id === undefined) throw new Error('The command ended before its run began.');
    return CommandRun.#join(place, id, controller);
  }

  static async #join(
    place: CommandPlace,
    id: string,
    controller: ChildProcess,
  ): Promise<CommandRun> {
    const folder = runFolder(join(place.state, 'runs'), id);
    const stream = createConnection(folder.controlSocket);
    const make = (run: CommandRun) =>
      new ControlClient(id, stream, {
        event: (event) => run.#take(event),
        log: (message) => void run.notes.push(message),
      });
    const { owner } = await runStatus(folder);
    const run = new CommandRun(place, folder, owner!.pid, controller, make);
    await run.#client.attach('the test');
    while (!run.#isOver && (await run.#client.state()).controllers.length < 2) await delay(20);
    return run;
  }

  get id(): string {
    return this.folder.run;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves with the first event, from the beginning or from number `from`, for which `when` holds. */
  async event(when: (event: MigrationEvent) => boolean, from = 0): Promise<MigrationEvent> {
    for (;;) {
      const found = this.events.slice(from).find(when);
      if (found) return found;
      if (this.#isOver) {
        const [last] = this.events.slice(-1);
        throw new Error(`The run ended before that event came: ${JSON.stringify(last)}`);
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Lets the program go on, statement by statement, until it stands before that one. */
  async stepTo(line: number): Promise<void> {
    for (let from = 0; ;) {
      const held = await this.event((event) => event.type === 'held', from);
      if (held.type === 'held' && held.line === line) return;
      from = held.seq + 1;
      await this.#client.tell({ command: 'step', unit: 'statement' });
    }
  }

  /** Lets the program run; a run that is over or stopped does not mind. */
  letGo(): void {
    this.#client.tell({ command: 'run' }).catch(() => undefined);
  }

  /** Changes limits, where the run still can. */
  async limit(limits: {
    readonly maxBandwidth?: number | null;
    readonly downtimeLimitMs?: number;
  }): Promise<void> {
    await this.#client.tell({ command: 'limits', limits }).catch(() => undefined);
  }

  records(): Promise<JournalRecord[]> {
    return readJournal(this.folder.journal);
  }

  close(): void {
    this.#client.destroy();
    this.controller.kill('SIGKILL');
  }

  #take(event: MigrationEvent): void {
    this.events.push(event);
    this.#wake();
  }
}

async function runsOf(place: CommandPlace): Promise<readonly string[]> {
  return readdir(join(place.state, 'runs')).catch(() => []);
}

function endOf(child: ChildProcess): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => (said[name] += text));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...said })));
}
