/** A scripted migration: the events that a plausible run would give, always the same. */
import {
  BlockSet,
  encodeRuns,
  type EventBody,
  type MigrationEvent,
  type SummaryEvent,
} from '../../../src/engine/index.js';

const MIB = 1024 * 1024;
const GRANULARITY = 64 * 1024;

export interface Script {
  readonly pivot?: boolean;
  readonly probe?: boolean;
  /** Rounds before the last ones. */
  readonly rounds?: number;
  readonly sizeMiB?: number;
}

/** Collects events and gives each its number and time. */
class Recorder {
  readonly events: MigrationEvent[] = [];
  t = 0;

  emit(body: EventBody): void {
    const { type, ...rest } = body;
    this.events.push({ type, seq: this.events.length, t: this.t, ...rest } as MigrationEvent);
  }
}

/** Repeatable numbers from 0 up to, not including, 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A guest that rewrites a part of its disk. */
class ScriptedGuest {
  readonly blocks: number;
  readonly #next = random(7);

  constructor(readonly size: number) {
    this.blocks = size / GRANULARITY;
  }

  /** What is in use: most of the disk's first part and a little elsewhere. */
  allocated(): BlockSet {
    const part = (share: number) => Math.floor(this.blocks * share);
    return BlockSet.unionOf([
      BlockSet.range(0, part(0.42)),
      BlockSet.range(part(0.5), part(0.12)),
      BlockSet.range(part(0.8), part(0.05)),
    ]);
  }

  writes(count: number): BlockSet {
    const from = Math.floor(this.blocks * 0.1);
    const span = Math.floor(this.blocks * 0.16);
    return BlockSet.of(
      ...Array.from({ length: count }, () => from + Math.floor(this.#next() ** 2 * span)),
    );
  }
}

const bytes = (set: BlockSet) => set.count * GRANULARITY;

/** Plays the whole program and keeps the account that the summary needs. */
export function scriptedMigration(script: Script = {}): MigrationEvent[] {
  const { pivot = true, probe = true, rounds = 4, sizeMiB = 1024 } = script;
  const out = new Recorder();
  const guest = new ScriptedGuest(sizeMiB * MIB);
  const run = new ScriptedRun(out, guest, probe);
  run.statement(1);
  out.t = 120;
  out.emit({
    type: 'start',
    protocol: '1.0',
    run: 'k3x9',
    startedAt: '2026-01-01T00:00:00.000Z',
    host: 'unix:/run/vm.qmp',
    disk: { name: 'disk0', size: guest.size, image: '/srv/old.img', format: 'raw' },
    granularity: GRANULARITY,
    destination: 'file:/srv/new.img',
    policy: 'cache',
    limits: { maxBandwidth: 100 * MIB, downtimeLimitMs: 300, maxRounds: 30 },
    verify: 'sent',
    pivot,
  });
  out.emit(
    probe
      ? {
          type: 'probe',
          state: 'connected',
          message: 'The probe answers.',
          method: 'kcore',
          kernel: '6.12.9-amd64',
        }
      : { type: 'probe', state: 'absent', message: 'The guest has no port for a probe.' },
  );
  run.statement(2);
  run.statement(3);
  run.pending = guest.allocated();
  out.emit({ type: 'allocated', blocks: encodeRuns(run.pending), bytes: bytes(run.pending) });
  for (let round = 0; round < rounds; round++) run.playRound(round);
  run.finish(rounds, pivot);
  return out.events;
}

class ScriptedRun {
  pending = BlockSet.empty;
  /** By the guest, since the last take. */
  #flips = 0;
  #written = BlockSet.empty;
  #deferred = BlockSet.empty;
  #sent = BlockSet.empty;
  #sentBytes = 0;
  #resentBytes = 0;
  #round = 0;
  #batch = 0;
  #roundStart = { t: 0, sent: 0, resent: 0 };

  constructor(
    private readonly out: Recorder,
    private readonly guest: ScriptedGuest,
    private readonly probe: boolean,
  ) {}

  statement(line: number): void {
    this.out.emit({ type: 'statement', line, round: this.#round, batch: this.#batch });
    this.out.t += 3;
  }

  playRound(round: number): void {
    this.#begin(round);
    this.statement(4);
    const batches = round === 0 ? 4 : 1;
    for (let batch = 0; batch < batches; batch++) {
      this.#batch = batch;
      this.statement(5);
      this.statement(6);
      if (this.probe) this.#look();
      this.statement(7);
      const rest = this.pending.difference(this.#deferred);
      const plan = rest.take(Math.ceil(rest.count / (batches - batch)));
      this.#plan(plan);
      this.statement(8);
      this.#send(plan, 4, Math.floor(this.guest.blocks / 160 / (round + 1)));
      this.statement(9);
      this.#take(2);
      this.out.emit({
        type: 'batch',
        round,
        batch,
        pendingBytes: bytes(this.pending),
        deferredBytes: bytes(this.#deferred),
        ...this.#rates(),
      });
      this.statement(10);
    }
    this.#write(2);
    this.statement(11);
    this.#take(1);
    this.#write(2);
    this.#endRound(false);
  }

  finish(round: number, pivot: boolean): void {
    this.#begin(round);
    this.statement(12);
    if (this.probe) {
      this.#write(4);
      this.out.t += 300;
      const askedBytes = bytes(this.#deferred);
      this.out.emit({ type: 'drain', askedBytes, writtenBytes: askedBytes, tookMs: 300 });
    }
    this.#take(this.probe ? 40 : 2);
    this.#deferred = BlockSet.empty;
    this.#send(this.pending, 2, 3);
    this.#take(1);
    this.#endRound(true);
    this.statement(13);
    this.#take(1);
    this.out.emit({
      type: 'verdict',
      converged: true,
      message: 'What is left fits the downtime limit.',
      pendingBytes: bytes(this.pending),
      downtimeMs: 12,
    });
    this.statement(14);
    this.out.t += 900;
    this.#verify('sent', bytes(this.#sent));
    this.statement(15);
    const pausedAt = this.out.t;
    this.out.emit({ type: 'paused', byProgram: true });
    this.#take(1);
    this.#send(this.pending, 1, 0);
    this.statement(16);
    this.#verify('paused', 3 * GRANULARITY);
    if (pivot) {
      this.statement(17);
      this.out.t += 6;
      this.out.emit({ type: 'switchover', disk: 'disk0-new', tookMs: 6 });
    }
    this.statement(18);
    const pausedMs = this.out.t - pausedAt;
    this.out.emit({ type: 'resumed', byProgram: true, pausedMs });
    this.out.emit(this.#summary(round + 1, pausedMs, pivot));
  }

  #begin(round: number): void {
    this.#round = round;
    this.#batch = 0;
    this.#roundStart = { t: this.out.t, sent: this.#sentBytes, resent: this.#resentBytes };
  }

  #endRound(final: boolean): void {
    this.out.emit({
      type: 'round',
      round: this.#round,
      final,
      sentBytes: this.#sentBytes - this.#roundStart.sent,
      resentBytes: this.#resentBytes - this.#roundStart.resent,
      deferredBytes: bytes(this.#deferred),
      pendingBytes: bytes(this.pending),
      durationMs: this.out.t - this.#roundStart.t,
      ...this.#rates(),
    });
  }

  #rates() {
    const downtimeMs = bytes(this.pending) / (100 * 1024);
    return {
      dirtyRate: 11.5 * MIB,
      bandwidth: 97 * MIB,
      forecast: { remainingMs: this.#round === 2 ? null : downtimeMs * 1.2, downtimeMs },
    };
  }

  #look(): void {
    const dirty = this.guest.writes(Math.floor(this.guest.blocks / 60));
    const half = dirty.take(Math.ceil(dirty.count / 2));
    this.out.t += 40;
    this.out.emit({
      type: 'cache',
      sequence: this.out.events.length,
      method: 'kcore',
      dirty: encodeRuns(dirty),
      writeback: [],
      clean: [],
      dirtyBytes: bytes(dirty) - 4096,
      writebackBytes: 2 * MIB,
      cleanBytes: 0,
      unmappedBytes: { 'delayed allocation': 3 * MIB },
      files: [
        { ...file(12, '/var/lib/db/small.log'), dirty: encodeRuns(dirty.difference(half)) },
        { ...file(11, '/var/lib/db/table.ibd'), dirty: encodeRuns(half), links: 1 },
        { ...file(13, undefined), dirty: encodeRuns(half.take(2)), links: 0 },
      ],
      tookMs: 40,
    });
    this.#deferred = dirty.intersection(this.pending);
  }

  #plan(send: BlockSet): void {
    const hot = this.#deferred.take(Math.floor(this.#deferred.count / 3));
    this.out.emit({
      type: 'plan',
      round: this.#round,
      batch: this.#batch,
      send: encodeRuns(send),
      sendBytes: bytes(send),
      deferred: this.#deferred.isEmpty
        ? []
        : [
            { reason: 'written often', blocks: encodeRuns(hot) },
            {
              reason: 'dirty in the page cache',
              blocks: encodeRuns(this.#deferred.difference(hot)),
            },
          ],
      deferredBytes: bytes(this.#deferred),
    });
  }

  #send(blocks: BlockSet, pieces: number, writes: number): void {
    let rest = blocks;
    for (let piece = pieces; piece > 0; piece--) {
      const part = rest.take(Math.ceil(rest.count / piece));
      rest = rest.difference(part);
      this.out.t += 20 + (bytes(part) / (97 * MIB)) * 1000;
      const again = part.intersection(this.#sent);
      this.out.emit({
        type: 'sent',
        round: this.#round,
        batch: this.#batch,
        blocks: encodeRuns(part),
        bytes: bytes(part),
        resentBytes: bytes(again),
        zeroBytes: 0,
      });
      this.#sent = this.#sent.union(part);
      this.#sentBytes += bytes(part);
      this.#resentBytes += bytes(again);
      this.#write(writes);
    }
    this.pending = this.pending.difference(blocks);
  }

  /** The guest writes, and a sample tells of it. */
  #write(count: number): void {
    const blocks = this.guest.writes(count);
    this.#written = this.#written.union(blocks);
    this.out.emit({
      type: 'dirty',
      sinceMs: 500,
      blocks: encodeRuns(blocks),
      bytes: bytes(blocks),
      flip: ++this.#flips,
    });
  }

  /** The program takes what was written to what is pending. */
  #take(count: number): void {
    this.#write(count);
    this.pending = this.pending.union(this.#written);
    this.#written = BlockSet.empty;
  }

  #verify(phase: 'sent' | 'paused', checkedBytes: number): void {
    this.out.emit({ type: 'verify', phase, checkedBytes, tookMs: 10, differing: [] });
  }

  #summary(rounds: number, downtimeMs: number, pivot: boolean): EventBody & { type: 'summary' } {
    return {
      type: 'summary',
      run: 'k3x9',
      outcome: 'completed',
      policy: 'cache',
      sentBytes: this.#sentBytes,
      resentBytes: this.#resentBytes,
      distinctBytes: bytes(this.#sent),
      zeroBytes: 0,
      deferredBytes: 41 * MIB,
      sendAmplification: this.#sentBytes / bytes(this.#sent),
      rounds,
      totalMs: this.out.t,
      downtimeMs,
      heldMs: 0,
      converged: true,
      verified: true,
      verifiedBytes: bytes(this.#sent),
      switchedOver: pivot,
      guest: 'running',
      disk: pivot ? 'disk0-new' : 'disk0',
      probe: this.probe ? 'kcore' : 'none',
      fallback: false,
      plainBytes: 900 * MIB,
      plainIsLowerBound: true,
    };
  }
}

function file(inode: number, path: string | undefined) {
  const place = { device: '254:1', inode, links: 1, fileSystem: 'ext4', clean: [] };
  return path === undefined ? place : { ...place, path };
}

/** A summary with what matters changed. */
export function summaryWith(changes: Partial<SummaryEvent>): SummaryEvent {
  const last = scriptedMigration({ sizeMiB: 64 }).at(-1) as SummaryEvent;
  return { ...last, ...changes };
}
