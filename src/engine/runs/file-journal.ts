/**
 * The journal of a run as a file, JSON lines, each on the disk before what it announces is done:
 *
 *   record(change)   append, fdatasync   then the change is made in the host
 *   note(milestone)  append, fdatasync   then the program goes on
 *
 * Routine changes, of which a migration makes thousands, are written the first time only: what they
 * make has names that begin with the run's prefix, and that is what a reader needs to know.
 */
import { constants, open, type FileHandle } from 'node:fs/promises';
import type { Clock } from '../../base/clock.js';
import { JournalError, LimitError, messageOf, UsageError } from '../../base/errors.js';
import type { HostChange, Journal } from '../../hypervisor/types.js';
import { appendToJournal } from './append.js';
import { isSameProcess, processLives } from './process.js';
import { readJournal } from './read-journal.js';
import { formatRecord, largestJournal } from './record.js';
import type {
  BeginFacts,
  JournalEntry,
  Milestone,
  MilestoneJournal,
  ProcessIdentity,
} from './types.js';

/** What is needed of an open file; tests hand in one that fails. */
export interface JournalFile {
  /** Writes all of it at the end of the file. */
  append(text: string): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileJournalOptions {
  readonly clock: Clock;
  /** Wall-clock time. */
  readonly today: () => Date;
  readonly openFile?: (path: string) => Promise<JournalFile>;
}

export class FileJournal implements Journal, MilestoneJournal {
  #turn: Promise<void> = Promise.resolve();
  #torn = false;
  #bytes = 0;
  readonly #routine = new Set<string>();

  private constructor(
    readonly path: string,
    private readonly file: JournalFile,
    private readonly options: FileJournalOptions,
  ) {}

  /**
   * Makes the file, mode 0600, and writes its first record.
   * @throws JournalError when it is there already or can't be written.
   */
  static async create(
    path: string,
    begin: BeginFacts,
    options: FileJournalOptions,
  ): Promise<FileJournal> {
    const file = await (options.openFile ?? createFile)(path).catch((error: unknown) => {
      throw failed(path, error);
    });
    const journal = new FileJournal(path, file, options);
    try {
      await journal.#write({ type: 'begin', ...begin });
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    return journal;
  }

  /**
   * Goes on with the journal of a run whose process is dead. Two may try at once: the first in the
   * journal of those that live has it.
   * @throws JournalError when it can't be written; UsageError when another process has it.
   */
  static async takeOver(
    path: string,
    facts: Pick<BeginFacts, 'version' | 'process'>,
    options: FileJournalOptions,
  ): Promise<FileJournal> {
    await appendToJournal(path, { type: 'taken-over', ...facts }, options);
    await requireFirst(path, facts.process);
    const file = await openThere(path).catch((error: unknown) => {
      throw failed(path, error);
    });
    const journal = new FileJournal(path, file, options);
    journal.#bytes = await file.size();
    return journal;
  }

  /**
   * Resolves when the change stands on the disk, so that it may be made.
   * @throws JournalError when it could not be written, LimitError when the line or the file would be too long.
   */
  async record(change: HostChange): Promise<void> {
    if (change.routine) {
      const kind = `${change.host} ${change.action}`;
      if (this.#routine.has(kind)) return;
      await this.#write({ type: 'change', ...change });
      this.#routine.add(kind);
      return;
    }
    await this.#write({ type: 'change', ...change });
  }

  /** As {@link record}, for a milestone. */
  note(milestone: Milestone): Promise<void> {
    return this.#write(milestone);
  }

  /** Waits for what is being written. Idempotent enough: nothing may be recorded after it. */
  async close(): Promise<void> {
    await this.#turn.catch(() => undefined);
    await this.file.close();
  }

  /** One record after the other; one that fails does not keep a later one from being tried. */
  #write(entry: JournalEntry): Promise<void> {
    const write = this.#turn.then(() => this.#append(entry));
    this.#turn = write.catch(() => undefined);
    return write;
  }

  async #append(entry: JournalEntry): Promise<void> {
    const { clock, today } = this.options;
    const line = formatRecord(entry, { clock, today, afterTorn: this.#torn });
    const length = Buffer.byteLength(line);
    if (this.#bytes + length > largestJournal && !putsBack(entry))
      throw new LimitError(
        `The journal ${this.path} would be larger than ${largestJournal} bytes.`,
        { hint: 'Start the migration anew; please report this with the journal.' },
      );
    try {
      await this.file.append(line);
      this.#bytes += length;
      this.#torn = false;
      await this.file.datasync();
    } catch (error) {
      this.#torn = true;
      throw failed(this.path, error);
    }
  }
}

/** Whether a record tells of putting back: it is taken by a journal that is at its limit. */
function putsBack(entry: JournalEntry): boolean {
  if (entry.type === 'change') return entry.undoes === true;
  return ['resumed', 'cleaning', 'end', 'guardian', 'switched'].includes(entry.type);
}

async function createFile(path: string): Promise<JournalFile> {
  return asJournalFile(await open(path, 'ax', 0o600));
}

function asJournalFile(handle: FileHandle): JournalFile {
  return {
    append: (text) => handle.writeFile(text),
    datasync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

async function openThere(path: string): Promise<JournalFile & { size(): Promise<number> }> {
  const handle = await open(path, constants.O_RDWR | constants.O_APPEND);
  return { ...asJournalFile(handle), size: async () => (await handle.stat()).size };
}

/** @throws UsageError when a process that lives, and is not `own`, is in the journal before it. */
async function requireFirst(path: string, own: ProcessIdentity): Promise<void> {
  for (const record of await readJournal(path)) {
    if (record.type !== 'begin' && record.type !== 'taken-over') continue;
    const { process } = record;
    if (isSameProcess(process, own)) return;
    if ((await processLives(process)) !== 'dead')
      throw new UsageError(`The run is gone on with by another process, ${process.pid}.`, {
        hint: '`migrascope runs` says how it stands.',
      });
  }
}

function failed(path: string, error: unknown): JournalError {
  return new JournalError(`The journal ${path} can't be written: ${messageOf(error)}`, {
    cause: error,
    hint: 'Make room there, or set MIGRASCOPE_STATE to a folder on another disk.',
  });
}
