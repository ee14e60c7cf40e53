/** What a run of the simulated lab leaves behind when its process dies: its journal and its events. */
import {
  formatRecord,
  parseJournal,
  type FollowedEvents,
  type JournalEntry,
  type JournalRecord,
  type MigrationEvent,
  type MilestoneJournal,
  type ReplayedEvents,
  type RunFolder,
} from '../../../src/engine/index.js';
import { Replay } from '../../../src/engine/continuation/index.js';
import type { Journal } from '../../../src/hypervisor/index.js';
import type { SimulatedProcess } from './simulated-process.js';

export class RunRecord {
  readonly events = new KeptEvents();
  readonly folder: RunFolder;
  #journal = '';

  constructor(readonly run: string) {
    const path = `/simulated/runs/${run}`;
    this.folder = {
      ...{ run, path },
      controlSocket: `${path}/control`,
      journal: `${path}/journal`,
      events: `${path}/events`,
      log: `${path}/log`,
    };
  }

  get journal(): readonly JournalRecord[] {
    return parseJournal(this.#journal, this.folder.journal);
  }

  get hasEnded(): boolean {
    return this.journal.some(({ type }) => type === 'end');
  }

  /** A process adds a record; it is there when this resolves. */
  append(process: SimulatedProcess, entry: JournalEntry): Promise<void> {
    const { clock } = process;
    const times = { clock, today: () => new Date(clock.now()), afterTorn: false };
    return new Promise((resolve) =>
      process.act(() => {
        this.#journal += formatRecord(entry, times);
        resolve();
      }),
    );
  }

  /** The journal as a process has it that owns the run. */
  journalFor(process: SimulatedProcess): Journal & MilestoneJournal {
    return {
      record: (change) => this.append(process, { type: 'change', ...change }),
      note: (milestone) => this.append(process, milestone),
    };
  }

  /** How far the run was, by its events. */
  replay(): ReplayedEvents {
    const replay = new Replay();
    const { all } = this.events;
    for (const event of all) replay.take(event);
    return { replayed: replay.replayed, read: { count: all.length, bytes: 0, index: [] } };
  }
}

/** Events that are kept in memory, for controllers that follow them. */
class KeptEvents implements FollowedEvents {
  readonly all: MigrationEvent[] = [];
  #ended = false;
  #wakers: (() => void)[] = [];

  get count(): number {
    return this.all.length;
  }

  readonly append = (event: MigrationEvent): void => {
    this.all.push(JSON.parse(JSON.stringify(event)) as MigrationEvent);
    this.#wake();
  };

  /** Another process goes on with them. */
  reopen(): void {
    this.#ended = false;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *follow(from: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    for (let next = from; ; next++) {
      while (next >= this.all.length) {
        if (this.#ended || signal.aborted) return;
        await new Promise<void>((resolve) => {
          const wake = () => {
            signal.removeEventListener('abort', wake);
            resolve();
          };
          signal.addEventListener('abort', wake);
          this.#wakers.push(wake);
        });
      }
      yield Buffer.from(JSON.stringify(this.all[next]));
    }
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake();
  }
}
