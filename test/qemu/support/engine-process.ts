/** An engine in a process of its own, with its guardians, for tests that kill them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { readJournal, type JournalRecord } from '../../../src/engine/runs/index.js';

/** Where an engine stands still: before a statement, a change or after a milestone was noted. */
export type Hold =
  { readonly line: number } | { readonly action: string } | { readonly milestone: string };

export interface Task {
  readonly host: string;
  /** Address of a second monitor, for the guardian. */
  readonly second?: string;
  /** Folder of the runs. */
  readonly root: string;
  readonly run: string;
  /** Name of the disk; `disk0` unless told. */
  readonly disk?: string;
  /** Path of the new image. */
  readonly to: string;
  /** Whether the guest is to go on with it; so unless told. */
  readonly pivot?: boolean;
  /** The guardian's program. */
  readonly guardian: string;
  readonly hold: Hold;
  /** Path of a file: once it is there, the engine goes on. */
  readonly letGo: string;
}

export interface Ended {
  readonly kind: string | null;
  readonly message: string | null;
  readonly switchedOver: boolean;
  readonly guest: string;
}

/** What an engine says on its standard output. */
export type Said =
  | { readonly held: Hold }
  | { readonly guardian: number }
  | { readonly event: string }
  | { readonly logged: string }
  | { readonly ended: Ended };

/** Bundles the programs of the engine, the guardian and of recovering into a folder. */
export async function buildPrograms(
  folder: string,
): Promise<{ engine: string; guardian: string; recover: string }> {
  const source = join(import.meta.dirname, '../../..');
  await build({
    entryPoints: {
      engine: join(import.meta.dirname, 'engine-script.ts'),
      guardian: join(source, 'src/engine/guardian/main.ts'),
      recover: join(import.meta.dirname, 'recover-script.ts'),
    },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  const [engine, guardian, recover] = ['engine', 'guardian', 'recover'].map((name) =>
    join(folder, `${name}.mjs`),
  );
  return { engine: engine!, guardian: guardian!, recover: recover! };
}

export class EngineProcess implements AsyncDisposable {
  readonly said: Said[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #errors = '';
  #wake: () => void = () => undefined;

  constructor(
    program: string,
    readonly task: Task,
  ) {
    const child = spawn(process.execPath, [program, JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A killed engine leaves its sockets' folders; they go with the test's.
      env: { ...process.env, TMPDIR: dirname(task.to) },
    });
    this.#child = child;
    this.#exited = new Promise((resolve) =>
      child.once('close', () => {
        this.#wake();
        resolve();
      }),
    );
    child.stderr.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    createInterface(child.stdout).on('line', (line) => {
      this.said.push(JSON.parse(line) as Said);
      this.#wake();
    });
  }

  get journal(): string {
    return join(this.task.root, this.task.run, 'journal.jsonl');
  }

  /** Of the two guardians, once they were started. */
  get guardianPids(): readonly number[] {
    return this.said.flatMap((each) => ('guardian' in each ? [each.guardian] : []));
  }

  /** Resolves once it stands still where it was told to. @throws when it ends before. */
  async held(): Promise<void> {
    await this.#until('held');
  }

  /** Lets it go on from where it stands. */
  async letGo(): Promise<void> {
    await writeFile(this.task.letGo, '');
  }

  /** How the migration ended. */
  async ended(): Promise<Ended> {
    const said = await this.#until('ended');
    return (said as Extract<Said, { ended: Ended }>).ended;
  }

  /** Sends a signal to it; resolves, where that ends it, when it is gone. */
  async signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    this.#child.kill(signal);
    if (signal === 'SIGKILL') await this.#exited;
  }

  /** Resolves when the process is gone; says by which signal. */
  async gone(): Promise<NodeJS.Signals | null> {
    await this.#exited;
    return this.#child.signalCode;
  }

  /**
   * What the guardians did, from the journal, once both did something after which they end; without
   * that the second left what the first had done.
   */
  async guardianActs(): Promise<string[]> {
    for (;;) {
      const records = await readJournal(this.journal);
      const acts = records.filter((record) => record.type === 'guardian').map(({ act }) => act);
      const last = acts.filter((act) => ['resumed', 'left', 'gave-up'].includes(act));
      if (last.length < this.guardianPids.length) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      const different = [...new Set(acts)];
      return different.filter((act) => act !== 'left' || !acts.includes('resumed'));
    }
  }

  records(): Promise<JournalRecord[]> {
    return readJournal(this.journal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.signal('SIGKILL');
  }

  async #until(key: 'held' | 'ended'): Promise<Said> {
    for (;;) {
      const said = this.said.find((each) => key in each);
      if (said) return said;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`The engine ended: ${JSON.stringify(this.said)} ${this.#errors}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
