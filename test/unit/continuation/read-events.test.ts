/** Reading the events of a run: up to the first line that can't be relied upon, and never past it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEvents, Replay, replayEvents } from '../../../src/engine/continuation/index.js';
import type { MigrationEvent } from '../../../src/engine/events.js';
import { MemoryLab } from '../support/memory-lab.js';
import { migrateInLab } from '../support/migrate-in-lab.js';

const { events } = await migrateInLab(new MemoryLab({ seed: 3 }));
const lines = events.map((event) => `${JSON.stringify(event)}\n`);
const bytes = Buffer.from(lines.join(''));

async function read(...chunks: readonly Uint8Array[]) {
  const taken: MigrationEvent[] = [];
  const told = await readEvents(chunks, (event) => taken.push(event));
  return { ...told, taken };
}

describe('the events of a run', () => {
  it('are read whatever their chunks are, and told where they stand', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 20 }), async (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        const { taken, ...told } = await read(...chunks);
        expect(taken).toEqual(events);
        expect(told).toEqual({ count: events.length, bytes: bytes.length, index: [0] });
      }),
      { numRuns: 30 },
    );
  });

  it('end before a line that was torn, wherever it was', async () => {
    const last = Buffer.byteLength(lines.at(-1)!);
    for (let lost = 1; lost <= last; lost += 7) {
      const torn = await read(bytes.subarray(0, bytes.length - lost));
      expect(torn.count).toBe(events.length - 1);
      expect(torn.bytes).toBe(bytes.length - last);
      if (lost < last) expect(torn.stopped).toBe('Its last line has no end.');
    }
  });

  it.each<[string, (index: number) => string]>([
    ['Event 5 is not there', () => ''],
    ['Event 5 is no JSON', () => '{"type":\n'],
    ['Event 5 has no type', () => '{"seq":5}\n'],
    ['Event 5 has no type', () => 'null\n'],
    ['Event 5 is not there', () => '{"seq":6,"t":1,"type":"x"}\n'],
    ['Event 5 (dirty) has no "flip"', () => '{"seq":5,"t":1,"type":"dirty","flip":0}\n'],
    ['Event 5 (plan) has no "deferred"', () => '{"seq":5,"t":1,"type":"plan","deferred":[1]}\n'],
    ['Event 5 (start) has no "granularity"', () => '{"seq":5,"t":1,"type":"start"}\n'],
    ['Event 5 (sent) has no "bytes"', () => '{"seq":5,"t":1,"type":"sent","bytes":-1}\n'],
  ])('%s: nothing after it is taken', async (why, make) => {
    const broken = [...lines.slice(0, 5), make(5), ...lines.slice(6)].join('');
    const { taken, count, stopped } = await read(Buffer.from(broken));
    expect([taken.length, count]).toEqual([5, 5]);
    expect(stopped!.startsWith(why)).toBe(true);
  });

  it('that are not there are told of', async () => {
    await expect(replayEvents('/nonexistent/events.jsonl')).rejects.toMatchObject({
      kind: 'journal',
      message: expect.stringMatching(/^The events \/nonexistent/) as string,
    });
  });
});

describe('how far a run was', () => {
  it.each<[string, readonly MigrationEvent[]]>([
    ['It had not come to its first round', []],
    ['It had not come to its first round', events.slice(0, events.findIndex(isRound))],
    ['The run had ended', events],
  ])('%s', (why, some) => {
    const replay = new Replay();
    for (const event of some) replay.take(event);
    expect(() => replay.replayed).toThrow(expect.objectContaining({ kind: 'hypervisor' }));
    expect(() => replay.replayed).toThrow(why);
  });

  it('is not told by blocks of another disk', () => {
    const replay = new Replay();
    expect(() => replay.take(events.find(({ type }) => type === 'dirty')!)).toThrow(
      expect.objectContaining({ kind: 'protocol' }),
    );
    replay.take(events.find(({ type }) => type === 'start')!);
    const beyond = { type: 'allocated', seq: 1, t: 1, blocks: [0, 1e6], bytes: 1 } as const;
    expect(() => replay.take({ ...beyond, blocks: [...beyond.blocks] })).toThrow(
      expect.objectContaining({ kind: 'protocol' }),
    );
  });
});

function isRound(event: MigrationEvent): boolean {
  return event.type === 'statement' && event.line === 4;
}
