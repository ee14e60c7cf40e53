/** What tests of runs share: facts of a run, a folder that is removed, and a file that fails on request. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { DEFAULTS } from '../../../src/engine/options.js';
import type {
  BeginFacts,
  FileJournalOptions,
  JournalFile,
} from '../../../src/engine/runs/index.js';
import { SimulatedClock } from '../../../src/simulator/clock.js';

export const facts: BeginFacts = {
  run: 'r1',
  version: '0.0.0',
  host: 'unix:/vm.qmp',
  process: { pid: 4711, startTime: '1', bootId: 'b', pidNamespace: 'p', machine: 'm' },
  options: {
    disk: 'disk0',
    destination: { type: 'nbd', uri: 'nbd://someone:hunter2@backup/disk0' },
    ...DEFAULTS,
    pivot: false,
    trim: false,
  },
};

/** A fresh folder, removed when the test ends. */
export async function testFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'migrascope-runs-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

export function journalOptions(): FileJournalOptions {
  return { clock: new SimulatedClock(), today: () => new Date(0) };
}

/** A file in memory, on a disk of so many bytes: what does not fit is cut, and fails. */
export class SmallFile implements JournalFile {
  text = '';
  /** What is on the disk for certain. */
  synced = '';
  syncs = true;

  constructor(public room = Infinity) {}

  append(text: string): Promise<void> {
    const fits = text.slice(0, this.room);
    this.text += fits;
    this.room -= fits.length;
    if (fits.length === text.length) return Promise.resolve();
    return Promise.reject(new Error('ENOSPC: no space left on device, write'));
  }

  datasync(): Promise<void> {
    if (!this.syncs) return Promise.reject(new Error('EIO: i/o error, fdatasync'));
    this.synced = this.text;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
