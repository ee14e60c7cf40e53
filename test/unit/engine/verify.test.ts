/** Whether a comparison finds what is wrong at the destination, in each of its phases. */
import { describe, expect, it } from 'vitest';
import { VerificationError } from '../../../src/base/errors.js';
import type { MigrationEvent } from '../../../src/engine/events.js';
import type { Gate } from '../../../src/engine/gate.js';
import { MemoryLab, type LabOptions } from '../support/memory-lab.js';
import { eventsOf, linesOf, migrateInLab, type Asked } from '../support/migrate-in-lab.js';
import { expectPutBack } from './put-back.js';

const WHOLE: Partial<LabOptions> = { allocated: 1, writesPerSecond: 0 };

/** Spoils a byte of the destination before a statement is executed the first time. */
function spoiling(lab: MemoryLab, line: number, offset: number): (event: MigrationEvent) => void {
  let done = false;
  return (event) => {
    if (done || event.type !== 'statement' || event.line !== line) return;
    done = true;
    lab.destination[offset]! ^= 0xff;
  };
}

async function expectFound(
  lab: MemoryLab,
  asked: Asked,
  line: number,
  block: number,
): Promise<void> {
  const watched = await migrateInLab(lab, { pivot: true, ...asked });
  expectPutBack(lab, watched);
  const { granularity } = lab.options;
  const extents = [{ offset: block * granularity, length: granularity }];
  expect(watched.error).toBeInstanceOf(VerificationError);
  expect(watched.error).toMatchObject({
    kind: 'verification',
    extents,
    message: `The destination file:new.img differs from the source in 1 extents, the first ${granularity} bytes at ${block * granularity}.`,
  });
  expect(eventsOf(watched.events, 'verify').at(-1)?.differing).toEqual(extents);
  expect(linesOf(watched).at(-1)).toBe(line);
}

describe('a comparison', () => {
  it('of what was sent finds it before the pause', async () => {
    const lab = new MemoryLab(WHOLE);
    await expectFound(lab, { verify: 'sent', onEvent: spoiling(lab, 14, 9 * 4096 + 17) }, 14, 9);
    expect(lab.atPause).toBeUndefined();
  });

  it('of the whole disk finds it while paused, in what was sent', async () => {
    const lab = new MemoryLab(WHOLE);
    await expectFound(lab, { verify: 'full', onEvent: spoiling(lab, 16, 9 * 4096) }, 16, 9);
  });

  it('of the whole disk finds it in a hole', async () => {
    const lab = new MemoryLab({ allocated: 0, writesPerSecond: 0 });
    await expectFound(
      lab,
      { verify: 'full', onEvent: spoiling(lab, 16, 63 * 4096 + 4095) },
      16,
      63,
    );
  });

  it('of what was sent finds it in what was compared before, and sent again since', async () => {
    const lab = new MemoryLab({ ...WHOLE, writesPerSecond: 40, direct: 1 });
    lab.guest.setPace(0, 0);
    let [compared, spoiled] = [false, -1];
    const gate: Gate = {
      pass: async ({ line }) => {
        if (line !== 15 || compared) return;
        compared = true;
        lab.guest.setPace(lab.clock.now(), 1);
        await lab.clock.sleep(1000);
        lab.guest.setPace(lab.clock.now(), 0);
      },
    };
    const onEvent = (event: MigrationEvent) => {
      if (!compared || spoiled >= 0 || event.type !== 'sent') return;
      spoiled = event.blocks[0]!;
      lab.destination[spoiled * 4096 + 1]! ^= 1;
    };
    const watched = await migrateInLab(lab, { verify: 'sent', policy: 'plain', gate, onEvent });
    expectPutBack(lab, watched);
    expect(lab.atPause).toBeUndefined();
    expect(watched.error).toMatchObject({
      kind: 'verification',
      extents: [{ offset: spoiled * 4096, length: 4096 }],
    });
  });

  it('of what was sent while paused finds it there', async () => {
    const lab = new MemoryLab({ ...WHOLE, writesPerSecond: 20, direct: 1 });
    let block = -1;
    const watched = await migrateInLab(lab, {
      verify: 'sent',
      onEvent: (event) => {
        if (event.type === 'sent' && lab.atPause) block = event.blocks[0]!;
        if (event.type === 'statement' && event.line === 16)
          lab.destination[block * 4096 + 5]! ^= 1;
      },
    });
    expect(block).toBeGreaterThanOrEqual(0);
    expectPutBack(lab, watched);
    expect(watched.error?.kind).toBe('verification');
    expect(eventsOf(watched.events, 'verify').at(-1)).toMatchObject({
      phase: 'paused',
      differing: [{ offset: block * 4096, length: 4096 }],
    });
  });

  it('of nothing finds nothing, and says so', async () => {
    const lab = new MemoryLab(WHOLE);
    const onEvent = spoiling(lab, 14, 5);
    const { error, summary, events } = await migrateInLab(lab, { verify: 'none', onEvent });
    expect(error).toBeUndefined();
    expect(summary).toMatchObject({ verified: false, verifiedBytes: 0 });
    expect(eventsOf(events, 'verify')).toEqual([]);
  });

  it('looks again at what a guest is just writing', async () => {
    const lab = new MemoryLab({ ...WHOLE, writesPerSecond: 60, direct: 1, noteMs: 40 });
    const { error, summary } = await migrateInLab(lab, { verify: 'sent', downtimeLimitMs: 3000 });
    expect(error).toBeUndefined();
    expect(summary.verified).toBe(true);
    expect(lab.destination.equals(lab.atPause!)).toBe(true);
  });

  it('of the whole disk says beforehand for how long it keeps the guest paused', async () => {
    const lab = new MemoryLab({ ...WHOLE, size: 1024 * 1024, bytesPerSecond: 128 * 1024 });
    const { events, summary } = await migrateInLab(lab, { verify: 'full' });
    const [warning] = eventsOf(events, 'warning');
    expect(warning?.message).toMatch(
      /^To compare the whole disk keeps the guest paused for about 8 s/,
    );
    expect(summary.downtimeMs).toBeGreaterThan(7000);
  });
});
