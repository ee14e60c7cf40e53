/** A run that is followed: its engine in this process over a simulated guest, and what dead or ended ones left. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/logger.js';
import {
  createRunFolder,
  FileJournal,
  holdRun,
  runFolder,
  runsRoot,
} from '../../../src/engine/runs/index.js';
import { openRunSource } from '../../../src/service/view/run-source.js';
import { scriptedMigration } from '../cli/fixtures.js';
import { ControlledRun } from '../control/support.js';
import { facts, journalOptions, testFolder } from '../runs/support.js';
import { deadProcess, servedRun, simulatedHost } from './simulated.js';
import { Drawn, lines, numbered } from './support.js';

const { signal } = new AbortController();
const events = scriptedMigration({ sizeMiB: 64, pivot: true });
let folder = '';

beforeEach(async () => {
  folder = await testFolder();
  vi.stubEnv('MIGRASCOPE_STATE', folder);
  vi.stubEnv('XDG_CONFIG_HOME', folder);
  vi.stubEnv('XDG_RUNTIME_DIR', folder);
  return () => void vi.unstubAllEnvs();
});

async function follow(run: string, cancel = signal) {
  const drawn = new Drawn();
  const parts = { clock: systemClock, logger: silentLogger, note: drawn.note };
  const source = await openRunSource(run, parts, cancel);
  onTestFinished(() => source.close());
  return { drawn, source };
}

const until = (check: () => void) => vi.waitFor(check, 40_000);
const ended = (drawn: Drawn) => until(() => expect(drawn.timeline?.alive).toBe(false));
const failure = (kind: string, start: RegExp) => ({
  kind,
  message: expect.stringMatching(start) as string,
});

/** What a run left whose process is no more, or ran elsewhere; its journal says how it ended, where it did. */
async function left(
  run: string,
  text: string,
  outcome?: 'completed' | 'failed',
  process = facts.process,
): Promise<FileJournal> {
  const place = await createRunFolder(runsRoot(), run);
  await writeFile(place.events, text);
  const begun = { ...facts, run, process };
  const journal = await FileJournal.create(place.journal, begun, journalOptions());
  onTestFinished(() => journal.close().catch(() => undefined));
  if (outcome) await end(journal, outcome);
  return journal;
}

async function end(journal: FileJournal, outcome: 'completed' | 'failed'): Promise<void> {
  const guest = 'running' as const;
  await journal.note({ type: 'end', outcome, switchedOver: false, guest, leftBehind: [] });
}

/** The connection of whom follows: the first ones only see whether somebody is there. */
const ATTACHING = 3;

/** Something has a run's control socket, until the test ends. @param serve is given connections with their number. */
async function held(
  run: string,
  serve: (stream: Duplex, connections: number) => void,
): Promise<void> {
  const streams: Duplex[] = [];
  const lock = await holdRun(runFolder(runsRoot(), run), (stream) => {
    stream.on('error', () => undefined).resume();
    serve(stream, streams.push(stream));
  });
  onTestFinished(async () => {
    for (const stream of streams) stream.destroy();
    await lock.release();
  });
}

describe('a run that goes on', () => {
  it('is followed from before its first statement to its end', async () => {
    const served = await servedRun(await simulatedHost(folder));
    const { drawn, source } = await follow(served.run.slice(0, 4));
    await until(() => expect(drawn.moment?.heldSince).toBeDefined());
    expect(drawn.header).toBeUndefined();
    expect(drawn.timeline?.alive).toBe(true);
    await source.tell({ command: 'run' });
    await ended(drawn);
    await served.over;
    expect(drawn.header).toMatchObject({ kind: 'run', title: 'served', run: { id: 'served' } });
    expect(drawn.moment).toMatchObject({ live: true, summary: { outcome: 'completed' } });
    expect(drawn.timeline!.events).toBe(source.view.recording.index.count);
    expect(drawn.troubles).toEqual([]);
    await expect(source.tell({ command: 'pause' })).rejects.toMatchObject(
      failure('usage', /^The run served can't be told anything: it has ended/),
    );
  });

  it('is followed on where its folder vanishes', async () => {
    const served = await servedRun(await simulatedHost(folder));
    const { drawn, source } = await follow(served.run);
    await until(() => expect(drawn.moment?.heldSince).toBeDefined());
    await rm(runFolder(runsRoot(), served.run).path, { recursive: true });
    await source.tell({ command: 'run' });
    await ended(drawn);
    expect(drawn.moment?.summary?.outcome).toBe('completed');
    expect(drawn.troubles).toEqual([]);
  });

  it('and loses its engine is shown up to there, and can be told nothing', async () => {
    const served = await servedRun(await simulatedHost(folder));
    const { drawn, source } = await follow(served.run);
    await until(() => expect(drawn.moment?.heldSince).toBeDefined());
    served.cutOff();
    await ended(drawn);
    expect(drawn.troubles.map(({ error }) => error)).toMatchObject([
      failure('connection-lost', /^The engine process of the run served is gone\./),
    ]);
    expect(drawn.troubles[0]!.passing).toBeUndefined();
    await expect(source.tell({ command: 'run' })).rejects.toMatchObject(
      failure('usage', /^The run served can't be told anything: its engine process is gone/),
    );
  });

  it('and whose events do not reach its file is told so, once', async () => {
    await using engine = await ControlledRun.create();
    await left('full', lines(events.slice(0, 2)));
    for (const event of events.slice(0, 2)) engine.emit(event);
    await held('full', (stream) => engine.server.accept(stream));
    const { drawn } = await follow('full');
    engine.emit(events[2]!);
    engine.emit(events[3]!);
    await until(() => expect(drawn.troubles).toHaveLength(1));
    expect(drawn.troubles[0]!.error).toMatchObject(
      failure('protocol', /^Event 2 of the run full is not in .*events\.jsonl/),
    );
    expect(drawn.header).toBeDefined();
  });

  it('and ends between the look at it and the attaching is shown as one that ended', async () => {
    const journal = await left('brief', lines(events));
    await held('brief', (stream, connections) => {
      if (connections < ATTACHING) return;
      void end(journal, 'completed').then(() => stream.destroy());
    });
    const { drawn } = await follow('brief');
    await ended(drawn);
    expect(drawn.troubles).toEqual([]);
    expect(drawn.moment?.summary?.outcome).toBe('completed');
  });

  it('and does not answer is not waited for where the opening is cancelled', async () => {
    await left('mute', '');
    const cancel = new AbortController();
    await held('mute', (_, connections) => {
      if (connections === ATTACHING) cancel.abort();
    });
    await expect(follow('mute', cancel.signal)).rejects.toMatchObject(
      failure('cancelled', /^Attaching to the run mute/),
    );
  });
});

describe('a run that does not go on is shown', () => {
  it('to its end where it ended', async () => {
    await left('whole', lines(events), 'completed');
    const { drawn, source } = await follow('whole');
    await ended(drawn);
    expect(drawn.troubles).toEqual([]);
    expect(drawn.timeline?.events).toBe(events.length);
    await expect(source.tell({ command: 'run' })).rejects.toMatchObject(
      failure('usage', /^The run whole can't be told anything: it is ended\./),
    );
  });

  const shownUpTo = (count: number, drawn: Drawn, kind: string, start: RegExp) => {
    expect(drawn.troubles.map(({ error }) => error)).toMatchObject([failure(kind, start)]);
    expect(drawn.moment?.seq).toBe(count - 1);
  };

  it('up to where its events are cut in the middle of a line', async () => {
    await left('torn', lines(events).slice(0, -300), 'completed');
    const { drawn } = await follow('torn');
    await ended(drawn);
    const start =
      /^The events of the run torn are cut off: .*events\.jsonl ends in the middle of line/;
    shownUpTo(drawn.timeline!.events, drawn, 'protocol', start);
  });

  it('up to where its events are cut between lines', async () => {
    await left('short', lines(events.slice(0, 60)), 'failed');
    const { drawn } = await follow('short');
    await ended(drawn);
    const start =
      /^The events of the run short are cut off: .* of its run, after 60 events\. It ended/;
    shownUpTo(60, drawn, 'protocol', start);
  });

  it('up to a line that is wrong', async () => {
    await left('wrong', `${lines(events.slice(0, 60))}{\n`, 'completed');
    const { drawn } = await follow('wrong');
    await ended(drawn);
    shownUpTo(60, drawn, 'protocol', /events\.jsonl is wrong in line 61: Event 60 is no JSON/);
  });

  it('up to where its process died, in the middle of a line', async () => {
    const cut = `${lines(events.slice(0, 60))}{"seq":60,`;
    await left('dead', cut, undefined, await deadProcess());
    const { drawn, source } = await follow('dead');
    await ended(drawn);
    shownUpTo(60, drawn, 'connection-lost', /^The engine process of the run dead is gone\./);
    await expect(source.tell({ command: 'run' })).rejects.toMatchObject(
      failure('usage', /^The run dead can't be told anything: it is dead\./),
    );
  });

  it('as far as it is known where its process can not be asked', async () => {
    await left('away', lines(events.slice(0, 60)));
    const { drawn } = await follow('away');
    await ended(drawn);
    shownUpTo(
      60,
      drawn,
      'connection-lost',
      /^The run away can't be followed: Its process 4711 ran on/,
    );
  });
});

describe('a run is not opened that', () => {
  it('is not there', async () => {
    await expect(follow('none')).rejects.toMatchObject(failure('usage', /^There is no run "none"/));
  });

  it('has a folder without events', async () => {
    await mkdir(join(runsRoot(), 'empty'), { recursive: true });
    await expect(follow('empty')).rejects.toMatchObject(
      failure('usage', /^The run empty has no events: .*events\.jsonl can't be opened: ENOENT/),
    );
  });

  it('ended before it had found its disk', async () => {
    const held = numbered([{ type: 'held', line: 1 }]);
    await left('early', lines(held), 'failed');
    await expect(follow('early')).rejects.toMatchObject(
      failure('usage', /^The run early shows no disk: it is ended, and had not found its disk/),
    );
  });

  it('is held by something that is no engine', async () => {
    await left('web', lines(numbered([{ type: 'held', line: 1 }])));
    await held('web', (stream, connections) => {
      if (connections === ATTACHING) stream.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await expect(follow('web')).rejects.toMatchObject({ kind: 'protocol' });
  });
});
