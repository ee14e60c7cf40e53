import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MigrationEvent } from '../../../src/engine/index.js';
import { ViewModel } from '../../../src/cli/view/model.js';
import { plainLines } from '../../../src/cli/view/plain.js';
import { questionLines, renderFrame, type FrameOptions } from '../../../src/cli/view/render.js';
import { renderSummary } from '../../../src/cli/view/render-summary.js';
import { shortDuration } from '../../../src/cli/view/render-parts.js';
import {
  clip,
  clipMiddle,
  createStyle,
  printable,
  wantsColours,
  wrap,
} from '../../../src/cli/view/style.js';
import { scriptedMigration, summaryWith } from './fixtures.js';

const plain = createStyle(false);
const events = scriptedMigration();
const small = scriptedMigration({ sizeMiB: 32 });

function play(share: number, stream: readonly MigrationEvent[] = events): ViewModel {
  const model = new ViewModel();
  for (const event of stream.slice(0, Math.floor(stream.length * share))) model.apply(event);
  return model;
}

function frame(model: ViewModel, changes: Partial<FrameOptions> = {}): string[] {
  return renderFrame(model, {
    width: 80,
    height: 24,
    now: model.t,
    style: plain,
    listing: false,
    inspecting: false,
    keys: ['? keys'],
    question: [],
    ...changes,
  });
}

describe('a frame of the live view', () => {
  it('shows at 80 columns what moves, the statement, the rounds and the map', () => {
    expect(frame(play(0.6)).join('\n')).toMatchInlineSnapshot(`
      "disk0 (1 GiB) → file:/srv/new.img                                         7.7 s
      policy cache · pivot · pause ≤ 300 ms · ≤ 100 MiB/s · blocks of 64 KiB
      probe  kcore · 6.12.9-amd64 · page cache: 15.9 MiB dirty · 2 MiB in writeback …

      ▶  4  repeat: a round                                                   round 2
      [██████████████████████████████████d░] 97 % at the destination, 0.6 % deferred

      round       sent  re-sent deferred  pending dirty rate  bandwidth  pause   left
      1       20.1 MiB 19.9 MiB  3.6 MiB 15.2 MiB 11.5 MiB/s   97 MiB/s  156ms  187ms
      2            0 B      0 B  3.6 MiB 15.3 MiB 11.5 MiB/s   97 MiB/s  156ms  187ms

      ██████████████████████████████████████████████████████dddd░ddd░░░░d░░░d░░░*░d░░
      ░*R*░***░░░░*░R░░░R*░░░dR*░R*R*R***R░**░░░R░d░░**RRR░░░░R*░░░R*████████████████
      ████████████████████████████████████████████████████████████████████████·······
      ····································███████████████████████████████████████████
      ███████████████████████························································
      ·········································█████████████████████████████·········
      ·········································································
      d deferred 3.6 MiB        ░ pending 11.6 MiB        * cache dirty 11.4 MiB
      R re-sent 46.7 MiB        █ sent 531 MiB            · free 420 MiB
      each cell is 30 blocks, 1.9 MiB

      ? keys"
    `);
  });

  it('lists the program with a marker at the statement that it stands before', () => {
    const model = play(0.3);
    model.apply({ type: 'held', seq: 0, t: model.t, line: 8 });
    const lines = frame(model, { height: 50, listing: true });
    expect(lines.filter((line) => line.startsWith('■'))).toEqual([
      '■  8          send batch; compare what earlier ones sent   round 0, batch 2',
    ]);
    expect(lines).toContain('  17  switch over');
  });

  it('shows the statements around the marker where there is little room', () => {
    const lines = frame(play(0.3), { listing: true });
    const at = lines.findIndex((line) => line.startsWith('▶  8'));
    expect(lines[at - 1]).toMatch(/^ {3}7 /);
    expect(lines[at + 1]).toMatch(/^ {3}9 /);
  });

  it('says plainly that the guest is down, for how long, and that it waits for the person', () => {
    const at = events.findIndex((event) => event.type === 'paused');
    const model = new ViewModel();
    for (const event of events.slice(0, at + 1)) model.apply(event);
    model.apply({ type: 'held', seq: 0, t: model.t, line: 16 });
    expect(frame(model, { now: model.t + 12_300 }).join('\n')).toContain(
      'the guest is down: 12.3 s, and waits for you',
    );
  });

  it('inspects what waits and why, and the files being written', () => {
    const text = frame(play(0.6), { inspecting: true, height: 30 }).join('\n');
    expect(text).toMatch(
      /deferred {4}3\.6 MiB\n +2\.4 MiB {2}dirty in the page cache\n +1\.2 MiB {2}written often/,
    );
    expect(text).toContain('/var/lib/db/table.ibd');
    expect(text).toContain('inode 13 on 254:1 (deleted, still open)');
    expect(text).toMatch(/downtime {4}156 ms if the pause came now; the limit is 300 ms/);
  });

  it('warns when the probe is lost, and when something is to be known', () => {
    const model = play(0.5);
    model.apply({ type: 'probe', seq: 0, t: 0, state: 'lost', message: 'It hung.' });
    model.apply({ type: 'warning', seq: 0, t: 0, message: 'The guest was reset.' });
    const text = frame(model).join('\n');
    expect(text).toContain('probe  lost: It hung.');
    expect(text).toContain('! The guest was reset.');
  });

  it('asks with the pause that is to be expected', () => {
    const lines = frame(play(0.6), { question: questionLines(1234, 130 * 1024 * 1024, 30) });
    expect(lines.slice(-4)).toEqual([
      'It does not converge: after 30 rounds 130 MiB are left. What now?',
      '  m  more rounds',
      '  p  pause anyway: the guest would be down for about 1.2 s',
      '  c  cancel; the guest stays on its source',
    ]);
  });

  it('fits any terminal, at any time, whatever is shown', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 60, max: 220 }),
        fc.integer({ min: 16, max: 70 }),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        (share, width, height, listing, inspecting, colours) => {
          const style = createStyle(colours);
          const model = play(share, small);
          const lines = frame(model, { width, height, listing, inspecting, style });
          expect(lines.length).toBeLessThan(height);
          for (const line of lines) {
            expect(Array.from(stripVTControlCharacters(line)).length).toBeLessThan(width);
            if (!colours) expect(line).toBe(stripVTControlCharacters(line));
          }
        },
      ),
      { numRuns: 80 },
    );
  });

  it('stands still: the same lines at the same places while only figures change', () => {
    const place = (share: number) =>
      frame(play(share)).findIndex((line) => line.startsWith('d deferred'));
    expect(new Set([0.1, 0.2, 0.3, 0.5, 0.8].map(place)).size).toBe(1);
  });

  it('lets nothing that comes from a guest or a peer steer the terminal', () => {
    const evil = '\u001b[2J\u0007\u202e';
    const stream = small.map((event) => ({
      ...event,
      ...(event.type === 'probe' ? { state: 'lost' as const, message: `x${evil}` } : {}),
      ...(event.type === 'start'
        ? { destination: `file:/${evil}`, disk: { ...event.disk, name: evil, image: evil } }
        : {}),
      ...(event.type === 'cache'
        ? { files: event.files.map((file) => ({ ...file, path: `/${evil}` })) }
        : {}),
      ...(event.type === 'plan'
        ? { deferred: event.deferred.map((each) => ({ ...each, reason: evil })) }
        : {}),
      ...(event.type === 'summary' ? { disk: evil, probe: evil } : {}),
    })) as MigrationEvent[];
    stream.splice(5, 0, { type: 'warning', seq: 0, t: 0, message: evil, hint: evil });
    const following = new ViewModel();
    const texts = [
      ...frame(play(0.6, stream)),
      ...frame(play(0.6, stream), { inspecting: true }),
      ...renderSummary(play(1, stream), 80, plain),
      ...stream.flatMap((event) => {
        following.apply(event);
        return plainLines(event, following);
      }),
    ];
    for (const text of texts) expect(text).toBe(printable(text));
  });
});

describe('the summary', () => {
  const text = (changes: Parameters<typeof summaryWith>[0], width = 80) => {
    const model = play(0.6);
    model.apply(summaryWith(changes));
    return renderSummary(model, width, plain).join('\n');
  };

  it('of a pivot says loudly that the configuration names the old image', () => {
    expect(renderSummary(play(1), 80, plain).join('\n')).toMatchInlineSnapshot(`
      "Completed: the guest goes on with the destination; its disk is disk0-new now.

        sent             704 MiB, for 604 MiB of distinct blocks
        re-sent          99.4 MiB; send amplification 1.16
        deferred         41 MiB, at least once
        plain pre-copy   would have sent at least 900 MiB; this sent 22 % less
        rounds           5
        total time       9.7 s
        downtime         40.8 ms; the limit was 300 ms
        verified         equal, 604 MiB compared
        probe            kcore
        guest            running
        destination      file:/srv/new.img

       CHANGE THE CONFIGURATION NOW 
      The guest's configuration (libvirt XML, start script) still names the old image
      /srv/old.img. Make it name file:/srv/new.img before the guest is started anew,
      or it starts with its old disk and loses what it wrote since."
    `);
  });

  it('of a copy says that the guest is on its source, without the banner', () => {
    const lines = text({ switchedOver: false, disk: 'disk0' });
    expect(lines).toContain('a point-in-time copy of disk0 is at the destination');
    expect(lines).not.toContain('CONFIGURATION');
  });

  it('of a failure says where the guest is, and that the destination is not to be used', () => {
    const lines = text({ outcome: 'failed', switchedOver: false, verified: false });
    expect(lines).toMatch(/^Failed; the guest is on its source\./);
    expect(lines).toContain('(not complete: do not use it)');
  });

  it('of a failure after the switchover says that it was done', () => {
    expect(text({ outcome: 'failed', switchedOver: true, disk: 'new' })).toContain(
      "the switchover was done: the guest's disk is new now",
    );
  });

  it('of a difference says so', () => {
    const model = play(0.6);
    const differing = [{ offset: 0, length: 65_536 }];
    model.apply({
      type: 'verify',
      seq: 0,
      t: 0,
      phase: 'sent',
      checkedBytes: 1,
      tookMs: 1,
      differing,
    });
    model.apply(summaryWith({ outcome: 'failed', verified: false, switchedOver: false }));
    expect(renderSummary(model, 80, plain).join('\n')).toContain(
      'NOT EQUAL: they differ in 1 places',
    );
  });

  it('says how much of the downtime a person caused', () => {
    expect(text({ downtimeMs: 12_400, heldMs: 12_000 })).toContain(
      '12.4 s; 12.0 s of it held by a person; the limit was 300 ms',
    );
  });

  it('compares with plain pre-copy only where that can be told', () => {
    expect(text({ plainBytes: null })).not.toContain('plain pre-copy');
    expect(text({ policy: 'plain' })).not.toContain('plain pre-copy');
    expect(text({ outcome: 'cancelled' })).not.toContain('plain pre-copy');
    expect(text({ plainBytes: 2 ** 40, plainIsLowerBound: false })).toContain(
      'would have sent 1 TiB',
    );
    expect(text({ plainBytes: 2 ** 40, plainIsLowerBound: true })).toContain('at least 1 TiB');
    expect(text({ plainBytes: 1024 })).not.toContain('less');
  });

  it('is empty when nothing was begun', () => {
    const model = new ViewModel();
    model.apply(summaryWith({ outcome: 'failed' }));
    expect(renderSummary(model, 80, plain)).toEqual([]);
  });
});

describe('lines for a pipe', () => {
  it('has one for each round and for what a person waits for', () => {
    const model = new ViewModel();
    const lines = events.flatMap((event) => {
      model.apply(event);
      return plainLines(event, model);
    });
    expect(lines.filter((line) => line.includes('] round '))).toHaveLength(5);
    for (const words of [
      'have to be sent',
      'wrote back',
      'it converges',
      'is paused',
      'switched over',
      'paused for',
    ])
      expect(lines.filter((line) => line.includes(words))).not.toHaveLength(0);
    expect(lines.length).toBeLessThan(30);
  });
});

describe('text', () => {
  it.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: false }, {}, false],
    [{ isTTY: true }, { NO_COLOR: '1' }, false],
    [{ isTTY: true }, { NO_COLOR: '' }, true],
    [{ isTTY: true }, { TERM: 'dumb' }, false],
    [{ isTTY: false }, { FORCE_COLOR: '1' }, true],
    [{ isTTY: true }, { FORCE_COLOR: '0' }, false],
  ])('colours of %o with %o: %s', (stream, env, wanted) => {
    expect(wantsColours(stream, env as Record<string, string>)).toBe(wanted);
  });

  it('is cut to its width', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        fc.integer({ min: 0, max: 40 }),
        (text, width) => {
          expect(Array.from(clip(text, width)).length).toBeLessThanOrEqual(width);
          expect(Array.from(clipMiddle(text, width)).length).toBeLessThanOrEqual(width);
          for (const line of wrap(text, Math.max(1, width)))
            expect(Array.from(line).length).toBeLessThanOrEqual(Math.max(1, width));
        },
      ),
    );
    expect(clipMiddle('/var/lib/database/table.ibd', 16)).toBe('/var…e/table.ibd');
  });

  it('has durations of at most six characters in the table', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), (milliseconds) => {
        expect(shortDuration(milliseconds).length).toBeLessThanOrEqual(6);
      }),
    );
  });
});
