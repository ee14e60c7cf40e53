/** A guest that only writes down what a workload asks of it. */
import type { OpenFile, SystemCalls, Workload } from '../../../../src/simulator/workload/types.js';

/** One call: its name, what it is about, and the time of the act that it belongs to. */
export interface Recorded {
  readonly ms: number;
  readonly call: keyof SystemCalls;
  readonly path: string;
  readonly first?: number;
  readonly count?: number;
  readonly to?: string;
  readonly metadata?: boolean;
}

interface RecordedFile extends OpenFile {
  path: string;
  pages: number;
}

export class Recorder implements SystemCalls {
  readonly calls: Recorded[] = [];
  nowMs = 0;
  /** How long each call waits. */
  wait: (call: Recorded) => number = () => 0;
  readonly #files = new Map<string, RecordedFile>();
  readonly #paths = new Map<OpenFile, RecordedFile>();
  #inodes = 10;

  constructor(workload?: Workload) {
    for (const { path, pages } of workload?.files ?? []) this.#add(path, pages);
  }

  create(path: string): OpenFile {
    this.#note({ call: 'create', path });
    const file = this.#files.get(path) ?? this.#add(path, 0);
    file.pages = 0;
    return file;
  }

  open(path: string): OpenFile | undefined {
    this.#note({ call: 'open', path });
    return this.#files.get(path);
  }

  write(file: OpenFile, first: number, count: number): number {
    const known = this.#known(file);
    known.pages = Math.max(known.pages, first + count);
    return this.#record({ call: 'write', path: known.path, first, count });
  }

  writeDirect(file: OpenFile, first: number, count: number): number {
    return this.#within('writeDirect', file, first, count);
  }

  read(file: OpenFile, first: number, count: number): number {
    return this.#within('read', file, first, count);
  }

  sync(file: OpenFile, metadata: boolean): number {
    return this.#record({ call: 'sync', path: this.#known(file).path, metadata });
  }

  truncate(file: OpenFile, pages: number): number {
    const known = this.#known(file);
    known.pages = pages;
    return this.#record({ call: 'truncate', path: known.path, count: pages });
  }

  rename(from: string, to: string): void {
    this.#note({ call: 'rename', path: from, to });
    const file = this.#files.get(from);
    if (!file) throw new Error(`rename of ${from}, which is not there`);
    this.#files.delete(from);
    file.path = to;
    this.#files.set(to, file);
  }

  unlink(path: string): void {
    this.#note({ call: 'unlink', path });
    if (!this.#files.delete(path)) throw new Error(`unlink of ${path}, which is not there`);
  }

  #add(path: string, pages: number): RecordedFile {
    const file = { path, pages, inode: this.#inodes++ };
    this.#files.set(path, file);
    this.#paths.set(file, file);
    return file;
  }

  #known(file: OpenFile): RecordedFile {
    const known = this.#paths.get(file);
    if (!known || this.#files.get(known.path) !== known) throw new Error('the file is gone');
    return known;
  }

  #within(call: 'read' | 'writeDirect', file: OpenFile, first: number, count: number): number {
    const { path, pages } = this.#known(file);
    if (first < 0 || count < 1 || first + count > pages) {
      throw new Error(`${call} of pages ${first} + ${count} of ${path}, which has ${pages}`);
    }
    return this.#record({ call, path, first, count });
  }

  #record(call: Omit<Recorded, 'ms'>): number {
    return this.wait(this.#note(call));
  }

  #note(call: Omit<Recorded, 'ms'>): Recorded {
    const recorded = { ms: this.nowMs, ...call };
    this.calls.push(recorded);
    return recorded;
  }
}

/** Runs the workload for so long, and gives what it did. */
export function record(
  workload: Workload,
  untilMs: number,
  { seed = 1, wait = () => 0 }: { seed?: number; wait?: Recorder['wait'] } = {},
): readonly Recorded[] {
  const recorder = new Recorder(workload);
  recorder.wait = wait;
  const running = workload.start(recorder, seed);
  for (let lastMs = 0; running.nextMs < untilMs; lastMs = recorder.nowMs) {
    recorder.nowMs = running.nextMs;
    if (recorder.nowMs < lastMs) throw new Error('time went back');
    running.act();
  }
  return recorder.calls;
}
