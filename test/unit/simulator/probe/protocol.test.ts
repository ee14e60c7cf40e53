/** The simulated probe's lines by hand: the forms of protocol/PROBE.md, and every refusal. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { disk, ProbeLab, settle } from '../support/probe-lab.js';

const folder = path.resolve(import.meta.dirname, '../../../../protocol');
const prose = readFileSync(path.join(folder, 'PROBE.md'), 'utf8');
const schema = JSON.parse(readFileSync(path.join(folder, 'probe.schema.json'), 'utf8')) as object;
const validate = new Ajv({
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
}).compile(schema);

const examples = [...prose.matchAll(/```jsonl\n([^`]*)```/g)]
  .flatMap((match) => match[1]!.trimEnd().split('\n'))
  .map((line) => JSON.parse(line) as Record<string, unknown>);

/** The form of a line: the names and types in it, whatever the values. */
function formOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(formOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, formOf(inner)]));
}

/** A guest that answers the examples' requests by the examples' answers. */
function labOfExamples(): ProbeLab {
  const size = 419_430_400;
  const lab = new ProbeLab({ disks: [{ name: 'vda', size, serial: 'alpha', pci: '00:02.0' }] });
  lab.guest.journal = { offset: 150_994_944, length: 8_388_608 };
  lab.guest.delayedBytes = 20_480;
  lab.guest.allFiles.set(12, { inode: 12, path: '/mnt/file', size: 1, extents: [] });
  lab.guest.runs = [
    { offset: 1_081_344, length: 4096, state: 'dirty', class: 'metadata' },
    {
      offset: 16_806_912,
      length: 12_288,
      state: 'dirty',
      class: 'data',
      inode: 12,
      fileOffset: 28_672,
      ageMs: 3060,
    },
    { offset: 150_994_944, length: 4096, state: 'writeback', class: 'journal', ageMs: 12 },
  ];
  lab.guest.trimmable = 207_618_048;
  return lab;
}

const query = { size: disk.size };

describe('the forms of PROBE.md', () => {
  it('answers the requests of the examples by lines of the same form', async () => {
    const lab = labOfExamples();
    const host = lab.dial();
    const requests = examples.filter(({ method }) => method !== undefined);
    for (const request of requests) {
      if (request['method'] === 'cancel')
        host.say({ id: 'a-5', method: 'drain', params: { disk: { size: 419_430_400 } } });
      host.say(request);
      if (request['method'] === 'cancel') await settle();
      else await lab.clock.sleep(1000);
    }
    const told = host.lines.map(formOf);
    const expected = examples.filter(
      ({ id, method }) => method === undefined && id !== 'a-7' && id !== undefined,
    );
    for (const example of expected) expect(told).toContainEqual(formOf(example));
    for (const line of host.lines) {
      validate(line);
      expect(validate.errors, JSON.stringify(line)).toBeNull();
    }
  });

  it('gives the extents and files of the example', async () => {
    const host = labOfExamples().dial();
    const lines = await host.ask(examples.find(({ method }) => method === 'snapshot')!);
    const extents = examples.find((line) => line['extents'] !== undefined);
    expect(lines[2]).toEqual(extents);
    expect(lines[1]).toEqual({ id: 'a-3', files: [['254:0', 12, 1, 1, 'ext4', '/mnt/file']] });
    expect(lines[3]).toMatchObject({ result: { sequence: 1, files: 1, extents: 3 } });
  });

  it('says hello unprompted, after a newline', async () => {
    const host = new ProbeLab().dial();
    await settle();
    expect(host.text).toMatch(/^\n\{"hello":\{"protocol":"1\.0",.*\}\}\n$/);
    expect(host.lines).toHaveLength(1);
  });

  it('takes numbers as ids, gives them back, and passes over empty lines', async () => {
    const host = new ProbeLab().dial();
    expect(await host.ask('\n\n', { id: 0, method: 'ping' }, { id: 9e15, method: 'ping' })).toEqual(
      [
        { id: 0, result: { monotonicMs: 0, steering: false } },
        { id: 9e15, result: { monotonicMs: 0, steering: false } },
      ],
    );
  });

  it('takes lines in any pieces, and members that it does not know', async () => {
    const host = new ProbeLab().dial();
    const line = `${JSON.stringify({ id: 'é', method: 'ping', more: [1] })}\n`;
    for (const byte of Buffer.from(line)) host.stream.write(Buffer.from([byte]));
    expect(await host.ask()).toEqual([]);
    expect(host.lines.at(-1)).toMatchObject({ id: 'é', result: { steering: false } });
  });

  it('has no paths where none are asked for, and stages by and by', async () => {
    const host = labOfExamples().dial();
    const disk = { size: 419_430_400 };
    const lines = await host.ask({ id: 1, method: 'snapshot', params: { disk } });
    expect(lines[1]).toEqual({ id: 1, files: [['254:0', 12, 1, 1, 'ext4']] });
    const stage = (extents: unknown, anew = false) => ({
      id: 2,
      method: 'stage',
      params: { extents, anew },
    });
    expect(await host.ask(stage([0, 1]), stage([9, 1, 20, 4]), stage([], true))).toEqual([
      { id: 2, result: { staged: 1 } },
      { id: 2, result: { staged: 3 } },
      { id: 2, result: { staged: 0 } },
    ]);
  });

  it('joins what is named twice, and leaves out what is past the end', async () => {
    const lab = new ProbeLab();
    lab.guest.runs = [{ offset: 0, length: 4096, state: 'dirty', class: 'data' }];
    const host = lab.dial();
    const extents = [8192, 4096, 0, 4096, 2048, 4096, disk.size - 512, 4096, disk.size, 1];
    host.say({ id: 1, method: 'drain', params: { disk: query, extents } });
    await lab.clock.sleep(1000);
    expect(lab.guest.drains).toEqual([
      [
        { offset: 0, length: 6144 },
        { offset: 8192, length: 4096 },
        { offset: disk.size - 512, length: 512 },
      ],
    ]);
    expect(host.lines.at(-1)).toEqual({
      id: 1,
      result: { writtenBytes: 4096, skippedBytes: 0, tookMs: 4 },
    });
  });

  it('reports nothing of a disk that is not the one of the guest', async () => {
    const lab = new ProbeLab({ disks: [disk, { name: 'vdb', size: 4096 }] });
    lab.guest.runs = [{ offset: 0, length: 4096, state: 'dirty', class: 'data' }];
    const host = lab.dial();
    const params = { disk: { size: 4096 } };
    const [report, end] = await host.ask({ id: 1, method: 'snapshot', params });
    expect(report).toMatchObject({ report: { disk: { name: 'vdb', size: 4096 }, journals: [] } });
    expect(end).toMatchObject({ result: { files: 0, extents: 0 } });
    expect(await host.ask({ id: 2, method: 'drain', params })).toMatchObject([
      { result: { writtenBytes: 0 } },
    ]);
    expect(lab.guest.drains).toEqual([]);
    expect(await host.refusal({ id: 2, method: 'trim', params })).toMatchObject({
      code: 'unsupported',
    });
  });
});

describe('what a simulated probe refuses', () => {
  const snapshot = (disk: unknown) => ({ id: 1, method: 'snapshot', params: { disk } });
  const drain = (params: object) => ({
    id: 1,
    method: 'drain',
    params: { disk: query, ...params },
  });
  const stage = (extents: unknown) => ({ id: 1, method: 'stage', params: { extents } });
  const hold = (params: object) => ({
    id: 1,
    method: 'steer',
    params: { mode: 'hold', ...params },
  });
  const object = /^'disk' must be an object/;
  const id = /^'id' must be a number or a string of 1 to 64 bytes/;

  it.each<[string, object | string, string, RegExp]>([
    ['no JSON', '{"id":1,\n', 'bad-request', /^The line is not a JSON object/],
    ['no object', '[]\n', 'bad-request', /^The line is not a JSON object/],
    ['no UTF-8', '\udfff{}\xff\n', 'bad-request', /^The line is not a JSON object/],
    ['white space', ' \r\n', 'bad-request', /^The line is not a JSON object/],
    ['no id', { method: 'ping' }, 'bad-request', id],
    ['an id of nothing', { id: '', method: 'ping' }, 'bad-request', id],
    ['a long id', { id: 'é'.repeat(33), method: 'ping' }, 'bad-request', id],
    ['an id below 0', { id: -1, method: 'ping' }, 'bad-request', id],
    ['an id of null', { id: null, method: 'ping' }, 'bad-request', id],
    ['no method', { id: 1 }, 'unknown-method', /^The probe has no such method/],
    ['a method of Object', { id: 1, method: 'toString' }, 'unknown-method', /^The probe has no/],
    ['no disk', snapshot(undefined), 'bad-request', object],
    ['a disk without size', snapshot({ serial: 'alpha' }), 'bad-request', object],
    ['a disk of a strange serial', snapshot({ ...query, serial: 1 }), 'bad-request', object],
    ['a disk of a strange address', snapshot({ ...query, pci: {} }), 'bad-request', object],
    ['another size', snapshot({ size: 1 }), 'no-such-disk', /^No disk of the guest fits/],
    ['another serial', snapshot({ ...query, serial: 'x' }), 'no-such-disk', /^No disk/],
    ['another address', snapshot({ ...query, pci: '00:03.0' }), 'no-such-disk', /^No disk/],
    ['no extents', stage(undefined), 'bad-request', /^'extents' must be an array/],
    ['half an extent', stage([0]), 'bad-request', /^'extents' must hold pairs/],
    ['an extent below 0', stage([-1, 1]), 'bad-request', /^'extents' must hold whole numbers/],
    ['half bytes', stage([0, 0.5]), 'bad-request', /^'extents' must hold whole numbers/],
    ['an empty extent', stage([0, 0]), 'bad-request', /^'extents' holds an extent of a length/],
    ['an endless extent', stage([2 ** 53 - 1, 1]), 'bad-request', /^'extents' holds an extent/],
    ['a drain of half an extent', drain({ extents: [1] }), 'bad-request', /^'extents' must hold/],
    ['a drain of a word', drain({ extents: 'all' }), 'bad-request', /^'extents' must be an array/],
    ['no mode', { id: 1, method: 'steer' }, 'bad-request', /^'mode' must be 'hold' or 'release'/],
    ['a hold for ever', hold({}), 'bad-request', /^'forMs' must be from 1 to 600000/],
    ['a hold of no time', hold({ forMs: 0 }), 'bad-request', /^'forMs' must be from 1/],
    ['a hold of a day', hold({ forMs: 600_001 }), 'bad-request', /^'forMs' must be from 1/],
    ['no silence', hold({ forMs: 1, silenceMs: 0 }), 'bad-request', /^'forMs' must be from 1/],
    ['a long silence', hold({ forMs: 1, silenceMs: 120_001 }), 'bad-request', /^'forMs' must/],
  ])('%s', async (_, message, code, text) => {
    const lab = new ProbeLab();
    const host = lab.dial();
    expect(await host.refusal(message)).toEqual({
      code,
      message: expect.stringMatching(text) as unknown,
    });
    const isKnown = typeof message === 'object' && 'id' in message && message.id === 1;
    expect(host.lines.at(-1)!['id']).toBe(isKnown ? 1 : null);
    expect(validate(host.lines.at(-1))).toBe(true);
    expect(lab.guest.drains).toEqual([]);
    expect(await host.ask({ id: 2, method: 'ping' })).toHaveLength(1);
  });

  it('a disk that may be one of two', async () => {
    const disks = [disk, { ...disk, name: 'vdb', serial: 'beta' }] as const;
    const host = new ProbeLab({ disks }).dial();
    expect(await host.refusal(snapshot({ ...query, pci: '00:02.0' }))).toEqual({
      code: 'ambiguous-disk',
      message: 'More than one disk of the guest fits.',
    });
    expect(await host.ask(snapshot({ ...query, serial: 'beta' }))).toHaveLength(2);
  });

  it('to discard where no file system can', async () => {
    const host = new ProbeLab({ canDiscard: false }).dial();
    expect(await host.refusal({ id: 1, method: 'trim', params: { disk: query } })).toEqual({
      code: 'unsupported',
      message: 'No mounted file system on the disk can discard.',
    });
  });

  it('to look where it can not, but not to drain everything', async () => {
    const host = new ProbeLab({ method: 'none' }).dial();
    const unsupported = {
      code: 'unsupported',
      message: "The page cache of this guest can't be seen.",
    };
    expect(await host.refusal(snapshot(query))).toEqual(unsupported);
    expect(await host.refusal(drain({ staged: true }))).toEqual(unsupported);
    expect(await host.ask(drain({}))).toMatchObject([{ result: { writtenBytes: 0 } }]);
  });

  it('a line that is too long, once, and takes the next one', async () => {
    const host = new ProbeLab().dial();
    const long = `{"id":1,"x":"${'x'.repeat(200_000)}"}\n`;
    expect(
      await host.ask(long.slice(0, 70_000), long.slice(70_000), { id: 2, method: 'ping' }),
    ).toEqual([
      {
        id: null,
        error: { code: 'bad-request', message: 'The line is longer than the probe takes.' },
      },
      { id: 2, result: { monotonicMs: 0, steering: false } },
    ]);
  });

  it.each([
    [65_536, 'result'],
    [65_537, 'error'],
  ])('a line of %i bytes: %s', async (length, kind) => {
    const host = new ProbeLab().dial();
    const line = JSON.stringify({ id: 1, method: 'ping', x: '' });
    const padded = `${line.replace('""', `"${'x'.repeat(length - line.length - 1)}"`)}\n`;
    expect(padded).toHaveLength(length);
    expect((await host.ask(padded))[0]).toHaveProperty(kind);
  });

  it('more extents than it takes, and forgets them', async () => {
    const host = new ProbeLab().dial();
    const extents = Array.from({ length: 2 ** 13 }, (_, index) => [index * 2, 1]).flat();
    for (let lines = 0; lines < 32; lines++) await host.ask(stage(extents));
    expect(host.lines.at(-1)).toMatchObject({ result: { staged: 262_144 } });
    expect(await host.refusal(stage([0, 1]))).toEqual({
      code: 'bad-request',
      message: 'More extents were staged than the probe takes.',
    });
    expect(await host.ask(stage([0, 1]))).toMatchObject([{ result: { staged: 1 } }]);
  });

  it('a second request that takes time, and uses up what was staged for it', async () => {
    const lab = new ProbeLab();
    lab.guest.runs = [{ offset: 0, length: 4096, state: 'dirty', class: 'data' }];
    const host = lab.dial();
    const busy = { code: 'busy', message: 'Another request is being carried out.' };
    expect(await host.ask(drain({}))).toEqual([]);
    expect(await host.refusal(snapshot(query))).toEqual(busy);
    expect(await host.refusal({ id: 1, method: 'trim', params: { disk: query } })).toEqual(busy);
    await host.ask(stage([0, 1]));
    expect(await host.refusal(drain({ staged: true }))).toEqual(busy);
    expect(await host.ask(stage([4, 1]))).toMatchObject([{ result: { staged: 1 } }]);
    await lab.clock.sleep(1000);
    expect(await host.ask(snapshot(query))).toHaveLength(2);
  });
});

describe('cancelling', () => {
  it('ends what is under way, and nothing else', async () => {
    const lab = new ProbeLab();
    lab.guest.runs = [{ offset: 0, length: 4096, state: 'dirty', class: 'data' }];
    const host = lab.dial();
    const cancel = (id: unknown) => ({ id: 'c', method: 'cancel', params: { id } });
    await host.ask({ id: 7, method: 'drain', params: { disk: query } });
    expect(await host.ask(cancel('7'), cancel(undefined), cancel(8))).toEqual([
      { id: 'c', result: {} },
      { id: 'c', result: {} },
      { id: 'c', result: {} },
    ]);
    expect(await host.ask(cancel(7), cancel(7))).toEqual([
      { id: 7, error: { code: 'cancelled', message: 'The host cancelled the request.' } },
      { id: 'c', result: {} },
      { id: 'c', result: {} },
    ]);
    await lab.clock.sleep(10_000);
    expect(host.lines.filter(({ id }) => id === 7)).toHaveLength(1);
  });

  it('is what a new hello does, without a word', async () => {
    const lab = new ProbeLab();
    lab.guest.runs = [{ offset: 0, length: 4096, state: 'dirty', class: 'data' }];
    const host = lab.dial();
    await host.ask({ id: 7, method: 'drain', params: { disk: query } });
    await host.ask({ id: 8, method: 'stage', params: { extents: [0, 1] } });
    expect(await host.ask({ id: 9, method: 'hello' })).toMatchObject([
      { id: 9, result: { protocol: '1.0', disks: [disk] } },
    ]);
    await lab.clock.sleep(10_000);
    expect(host.lines.filter(({ id }) => id === 7)).toEqual([]);
    expect(await host.ask({ id: 8, method: 'stage', params: { extents: [0, 1] } })).toMatchObject([
      { result: { staged: 1 } },
    ]);
  });
});
