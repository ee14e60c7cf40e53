/** Traces: what opens, what is told of it at any moment, and how bad ones fail. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.js';
import { CancelledError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import type { EventBody, MigrationEvent } from '../../../src/engine/index.js';
import type { ServiceMethod, ServiceRequests } from '../../../src/service/types.js';
import { FileNames } from '../../../src/service/view/file-map.js';
import { viewHandlers } from '../../../src/service/view/index.js';
import { Moment } from '../../../src/service/view/moment.js';
import type { OpenedSource } from '../../../src/service/view/source.js';
import { openTrace } from '../../../src/service/view/trace-source.js';
import { scriptedMigration } from '../cli/fixtures.js';
import { Drawn, GRANULARITY, lines, numbered, startEvent } from './support.js';

const events = scriptedMigration({ sizeMiB: 64, pivot: true });
const { signal } = new AbortController();
let folder: string;
const opened: OpenedSource[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'view-'));
});
afterAll(async () => {
  await Promise.all(opened.map((source) => source.close()));
  await rm(folder, { recursive: true });
});

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

const partsFor = (drawn: Drawn) => ({ clock: systemClock, logger: silentLogger, note: drawn.note });

async function open(path: string, mostUnpacked?: number) {
  const drawn = new Drawn();
  const source = await openTrace(path, partsFor(drawn), mostUnpacked);
  opened.push(source);
  while (drawn.timeline?.alive !== false) await systemClock.sleep(5);
  await source.view.told();
  return { drawn, view: source.view, source };
}

/** The words after an event, by the events before it alone. */
function wordsAfter(all: readonly MigrationEvent[], seq: number): Uint32Array {
  const moment = new Moment(new FileNames(), false);
  for (const event of all.slice(0, seq + 1)) moment.apply(event);
  const blocks = moment.blocks;
  return Uint32Array.from(
    { length: blocks?.count ?? 1024 },
    (_, block) => blocks?.word(block) ?? 0,
  );
}

describe('a trace', () => {
  it('is told from its header on, and ends at its last moment', async () => {
    const { drawn } = await open(await fileOf('whole.mscope', lines(events)));
    expect(drawn.order[0]).toBe('header');
    expect(drawn.troubles).toEqual([]);
    expect(drawn.header).toMatchObject({ kind: 'trace', title: 'whole.mscope', blocks: 1024 });
    expect(drawn.moment).toMatchObject({ seq: events.length - 1, live: true, pendingBytes: 0 });
    expect(drawn.timeline).toMatchObject({ events: events.length, alive: false });
    expect(drawn.marks.filter(({ kind }) => kind === 'round').length).toBeGreaterThan(2);
    expect(drawn.cells).toEqual(wordsAfter(events, events.length - 1));
    expect(drawn.points).toBeGreaterThan(10);
  });

  it('is at every moment what its events before it say, in whatever order they are gone to', async () => {
    const { drawn, view } = await open(await fileOf('seek.mscope', lines(events)));
    let seq = 17;
    for (let turn = 0; turn < 40; turn++) {
      seq = (seq * 31 + 7) % events.length;
      const reply = await view.seek({ to: 'seq', seq }, signal);
      expect(reply).toEqual({ seq, t: events[seq]!.t });
      expect(drawn.moment).toMatchObject({ seq, live: seq === events.length - 1 });
      expect(drawn.cells).toEqual(wordsAfter(events, seq));
    }
  });

  it('is stepped by event, statement, batch and round, both ways, and gone to by time', async () => {
    const { view } = await open(await fileOf('step.mscope', lines(events)));
    const at = (seq: number) => events[seq]! as MigrationEvent & { line?: number };
    const step = async (to: 'next' | 'previous', unit: 'event' | 'statement' | 'batch' | 'round') =>
      at((await view.seek({ to, unit }, signal)).seq);
    await view.seek({ to: 'seq', seq: 0 }, signal);
    expect((await step('next', 'event')).seq).toBe(1);
    expect((await step('next', 'statement')).type).toBe('statement');
    expect((await step('next', 'batch')).line).toBe(5);
    const round = await step('next', 'round');
    expect(round.line).toBe(4);
    expect((await step('previous', 'event')).seq).toBe(round.seq - 1);
    expect((await step('previous', 'round')).line).toBe(4);
    expect((await step('previous', 'round')).seq).toBe(0);
    const middle = events[50]!;
    const { seq } = await view.seek({ to: 'time', t: middle.t }, signal);
    expect(events[seq]!.t).toBe(middle.t);
    expect(events[seq + 1]!.t).toBeGreaterThan(middle.t);
    expect((await view.seek({ to: 'live' }, signal)).seq).toBe(events.length - 1);
  });

  it('drops a seek that is overtaken by another one', async () => {
    const { drawn, view } = await open(await fileOf('overtaken.mscope', lines(events)));
    const first = view.seek({ to: 'seq', seq: 20 }, signal);
    const second = view.seek({ to: 'seq', seq: 30 }, signal);
    await expect(first).rejects.toThrow(CancelledError);
    await expect(first).rejects.toThrow(/^Another moment is wanted/);
    expect((await second).seq).toBe(30);
    expect(drawn.moment?.seq).toBe(30);
  });

  it('is unpacked where it is packed, and leaves no file behind', async () => {
    const left = async () =>
      (await readdir(tmpdir())).filter((name) => /^migrascope-.*\.jsonl$/.test(name));
    const before = await left();
    const path = await fileOf('packed.mscope.gz', gzipSync(lines(events)));
    const { drawn, view } = await open(path);
    expect(await left()).toEqual(before);
    expect(drawn.cells).toEqual(wordsAfter(events, events.length - 1));
    await view.seek({ to: 'seq', seq: 40 }, signal);
    expect(drawn.cells).toEqual(wordsAfter(events, 40));
  });
});

describe('a trace is shown up to where it', () => {
  const cases: readonly (readonly [string, () => string | Uint8Array, RegExp])[] = [
    [
      'is cut off in a line',
      () => lines(events).slice(0, -300),
      /is cut off: it ends in the middle of line/,
    ],
    [
      'is cut off between lines',
      () => lines(events.slice(0, 60)),
      /ends in the middle of its run, after 60 events/,
    ],
    [
      'is no JSON',
      () => `${lines(events.slice(0, 60))}{"seq":60,,}\n`,
      /is wrong in line 61: Event 60 is no JSON/,
    ],
    [
      'lacks an event',
      () => lines([...events.slice(0, 60), ...events.slice(61)]),
      /line 61: Event 60 is not there/,
    ],
    [
      'has a set that does not fit the disk',
      () =>
        lines([
          ...events.slice(0, 60),
          { seq: 60, t: 1e6, type: 'sent', blocks: [1020, 9] } as unknown as MigrationEvent,
        ]),
      /is wrong in line 61: .*"bytes"/,
    ],
    [
      'has a set past the disk',
      () =>
        lines([
          ...events.slice(0, 60),
          {
            seq: 60,
            t: 1e6,
            type: 'dirty',
            flip: 1,
            blocks: [1020, 9],
          } as unknown as MigrationEvent,
        ]),
      /is wrong in line 61: The run-length form/,
    ],
    [
      'has a look at the page cache without files',
      () =>
        lines([
          ...events.slice(0, 60),
          { seq: 60, t: 1e6, type: 'cache' } as unknown as MigrationEvent,
        ]),
      /is wrong in line 61: Event 60 \(cache\) lacks/,
    ],
  ];

  it.each(cases)('%s', async (_, content, message) => {
    const { drawn, view } = await open(await fileOf('bad.mscope', content()));
    expect(drawn.troubles).toHaveLength(1);
    expect(drawn.troubles[0]!.error).toMatchObject({ kind: 'protocol' });
    expect(drawn.troubles[0]!.error.message).toMatch(/^The trace .*bad\.mscope /);
    expect(drawn.troubles[0]!.error.message).toMatch(message);
    const { seq } = view.shown;
    expect(seq).toBeGreaterThanOrEqual(59);
    expect(drawn.cells).toEqual(wordsAfter(events, seq));
  });

  it('is cut off as a packed one', async () => {
    const many = numbered([
      startEvent(64 * 1024 * GRANULARITY),
      ...Array.from({ length: 40_000 }, (_, at): EventBody => ({ type: 'held', line: at % 18 })),
    ]);
    const packed = gzipSync(lines(many));
    const path = await fileOf('cut.mscope.gz', packed.subarray(0, packed.length >> 1));
    const { drawn } = await open(path);
    expect(drawn.troubles[0]!.error.message).toMatch(
      /^The trace .* can't be read on: unexpected end/,
    );
    expect(drawn.timeline!.events).toBeGreaterThan(100);
  });

  it('would be larger than the limit', async () => {
    const path = await fileOf('large.mscope.gz', gzipSync(lines(events)));
    const error = openTrace(path, partsFor(new Drawn()), 5000);
    await expect(error).rejects.toMatchObject({ kind: 'limit' });
    await expect(error).rejects.toThrow(
      /^The trace .*, unpacked, is larger than the limit of 5000/,
    );
  });
});

describe('a trace does not open that', () => {
  const cases: readonly (readonly [string, () => string | Uint8Array, string, RegExp])[] = [
    [
      'is of a newer version',
      () => lines(numbered([startEvent(1e6, { protocol: '2.0' })])),
      'usage',
      /^The events were made by a newer Migrascope/,
    ],
    [
      'is of an older version',
      () => lines(numbered([startEvent(1e6, { protocol: '0.9' })])),
      'usage',
      /^The events were made by an older Migrascope/,
    ],
    [
      'is no JSON',
      () => 'PNG\n\n',
      'usage',
      /^The trace .* shows no disk: The trace .* is wrong in line 1: Event 0 is no JSON/,
    ],
    [
      'is not text',
      () => Uint8Array.of(0xff, 0xfe, 0x0a),
      'usage',
      /^The trace .* shows no disk: .* Event 0 is not UTF-8/,
    ],
    ['is empty', () => '', 'usage', /^The trace .* shows no disk: .* after 0 events/],
    [
      'has no start event',
      () => lines(numbered([{ type: 'held', line: 1 }])),
      'usage',
      /^The trace .* shows no disk/,
    ],
    [
      'has blocks before its start',
      () => lines(numbered([{ type: 'allocated', blocks: [0, 1], bytes: 1 }])),
      'usage',
      /^The trace .* An event of blocks \(allocated\) is before/,
    ],
    [
      'has a granularity that can not be',
      () => lines(numbered([startEvent(1e6, { granularity: 7 })])),
      'usage',
      /^A granularity of 7 bytes cannot be/,
    ],
  ];

  it.each(cases)('%s', async (_, content, kind, message) => {
    const error = openTrace(await fileOf('no.mscope', content()), partsFor(new Drawn()));
    await expect(error).rejects.toMatchObject({ kind });
    await expect(error).rejects.toThrow(message);
  });

  it('is not there, or not a file', async () => {
    const parts = partsFor(new Drawn());
    await expect(openTrace(join(folder, 'none'), parts)).rejects.toThrow(/can't be opened: ENOENT/);
    await expect(openTrace(folder, parts)).rejects.toThrow(/can't be opened: it is not a file/);
  });
});

describe('the requests of a view', () => {
  const ask = async <Method extends ServiceMethod & `view.${string}`>(
    handlers: ReturnType<typeof viewHandlers>,
    method: Method,
    params: ServiceRequests[Method]['params'],
  ): Promise<ServiceRequests[Method]['result']> => {
    const handle = handlers[method] as unknown as (
      params: ServiceRequests[Method]['params'],
      signal: AbortSignal,
    ) => Promise<ServiceRequests[Method]['result']>;
    return handle(params, signal);
  };
  const three = [3, 1];
  const file = (dirty: number[]) => ({
    ...{ device: '8:0', inode: 7, links: 1, fileSystem: 'ext4', path: '/a,b', dirty, clean: [] },
    extents: [[3 * GRANULARITY + 4096, GRANULARITY, 8192]],
  });
  const look = (dirty: number[]) => ({
    ...{ type: 'cache', sequence: 1, method: 'kcore', dirty, writeback: [], clean: [] },
    ...{ dirtyBytes: 1, writebackBytes: 0, cleanBytes: 0, unmappedBytes: {}, tookMs: 0 },
    files: dirty.length > 0 ? [file(dirty)] : [],
  });
  const sent = {
    type: 'sent',
    round: 0,
    batch: 0,
    blocks: three,
    bytes: 1,
    resentBytes: 0,
    zeroBytes: 0,
  };
  const plan = {
    type: 'plan',
    round: 0,
    batch: 0,
    send: three,
    sendBytes: 1,
    deferred: [],
    deferredBytes: 0,
  };
  const putOff = { ...plan, send: [], deferred: [{ reason: 'dirty-in-cache', blocks: [3, 2] }] };
  const dirty = { type: 'dirty', flip: 1, sinceMs: 1, blocks: three, bytes: 1 };
  const story = numbered([
    startEvent(16 * GRANULARITY),
    { type: 'allocated', blocks: [0, 8], bytes: 8 * GRANULARITY },
    ...([
      plan,
      sent,
      look([3, 2]),
      dirty,
      putOff,
      look([3, 2]),
      putOff,
      look([]),
      plan,
      dirty,
      sent,
    ] as unknown as EventBody[]),
  ]);

  async function openStory() {
    const handlers = viewHandlers(partsFor(new Drawn()));
    await ask(handlers, 'view.open', { type: 'trace', path: await fileOf('story', lines(story)) });
    return handlers;
  }

  it('tell what happened to a block, what goes on in one line, and why it is pending again', async () => {
    const handlers = await openStory();
    await ask(handlers, 'view.seek', { to: 'seq', seq: 8 });
    const then = await ask(handlers, 'view.block', { block: 3 });
    expect(then.history.map(({ seq, what }) => [seq, what])).toEqual([
      ...([
        [1, 'allocated'],
        [2, 'planned'],
        [3, 'sent'],
        [4, 'cache-dirty'],
        [5, 'dirty'],
      ] as const),
      [6, 'deferred'],
    ]);
    expect(then.file).toEqual({ path: '/a,b', inode: 7, fileSystem: 'ext4', fileOffset: 8192 });
    expect(then.why.map(({ template }) => template)).toEqual([
      expect.stringMatching(/^It is put off: it is dirty/),
      expect.stringMatching(/^It has to be sent again: it was sent in round \{0\} at/),
      'It belongs to the guest file {0}.',
    ]);
    expect((await ask(handlers, 'view.block', { block: 4 })).file?.fileOffset).toBe(
      8192 + GRANULARITY - 4096,
    );
    await ask(handlers, 'view.seek', { to: 'live' });
    const now = await ask(handlers, 'view.block', { block: 3 });
    expect(now.why[0]?.template).toMatch(/^It has to be sent again: the guest wrote it .* while/);
    expect(now).toMatchObject({ offset: 3 * GRANULARITY, length: GRANULARITY, more: false });
    await expect(ask(handlers, 'view.block', { block: 16 })).rejects.toThrow(
      /^There is no block 16/,
    );
  });

  it('tell of files, their cells and tables of them', async () => {
    const handlers = await openStory();
    expect(await ask(handlers, 'view.files', { most: 9 })).toMatchObject([
      {
        id: '8:0/7',
        path: '/a,b',
        sentBytes: 2 * GRANULARITY,
        resentBytes: GRANULARITY,
        dirtyBytes: 0,
      },
    ]);
    await ask(handlers, 'view.seek', { to: 'seq', seq: 7 });
    expect(await ask(handlers, 'view.files', { most: 9 })).toMatchObject([
      { sentBytes: GRANULARITY, resentBytes: 0, dirtyBytes: 2 * GRANULARITY },
    ]);
    expect(await ask(handlers, 'view.regions', { first: 4, count: 8 })).toEqual([
      { id: '8:0/7', path: '/a,b', cells: Uint32Array.of(4, 1) },
    ]);
    expect((await ask(handlers, 'view.file', { id: '8:0/7' })).cells).toEqual(Uint32Array.of(3, 2));
    await expect(ask(handlers, 'view.file', { id: 'x' })).rejects.toThrow(/^No look at the page/);
    const csv = await ask(handlers, 'view.csv', { what: 'files' });
    expect(csv.split('\r\n')[1]).toBe('"/a,b",ext4,7,8:0/7,131072,131072,65536,0');
    expect(await ask(handlers, 'view.csv', { what: 'series' })).toMatch(
      /^t,pending,deferred,.*\r\n/,
    );
    expect(await ask(handlers, 'view.csv', { what: 'rounds' })).toMatch(/^round,final,[^\n]*\r\n$/);
  });

  it('are refused before a source is opened, and a second one is refused', async () => {
    const handlers = viewHandlers(partsFor(new Drawn()));
    await expect(ask(handlers, 'view.files', { most: 1 })).rejects.toThrow(
      /^Nothing is opened yet/,
    );
    const opened = await openStory();
    const again = ask(opened, 'view.open', { type: 'trace', path: 'x' });
    await expect(again).rejects.toThrow(/^A source was opened already/);
    await expect(ask(opened, 'view.tell', { command: 'run' })).rejects.toThrow(
      /^The trace .* can't be told anything/,
    );
  });
});
