/** The plugin protocol's schema, examples, vectors and prose say the same. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRuns, type BlockSet } from '../../../src/engine/blockset/index.js';
import { decodeCompact, encodeCompact } from '../../../src/plugin/compact.js';
import { isA, schema } from './schema.js';

const folder = new URL('../../../protocol/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
const messages = Object.keys(schema.$defs).filter((name) =>
  /(Request|Reply|Note)$|^Refusal$/.test(name),
);

describe('the examples', () => {
  it('are one for each message', () => {
    const examples = readdirSync(new URL('examples/plugin/', folder));
    expect(examples.map((name) => name.replace(/\.json$/, '')).sort()).toEqual(messages.sort());
  });

  it.each(messages)('%s is valid, and not without its parts', (name) => {
    const example = JSON.parse(read(`examples/plugin/${name}.json`)) as Record<string, unknown>;
    const validate = isA(name);
    expect(validate(example), JSON.stringify(validate.errors)).toBe(true);
    for (const part of Object.keys(example)) {
      const rest = Object.entries(example).filter(([name]) => name !== part);
      expect(validate(Object.fromEntries(rest)), part).toBe(false);
    }
  });
});

describe('protocol/SPEC.md', () => {
  const page = read('SPEC.md');

  it('names every method', () => {
    const methods = messages.flatMap((name) => {
      const [method] = JSON.stringify(schema.$defs[name]).matchAll(/"method":{"const":"([^"]+)"/g);
      return method ? [method[1]!] : [];
    });
    expect(methods.length).toBeGreaterThan(40);
    const missing = methods.filter((method) => {
      const [role, verb] = method.split('/');
      return !page.includes(`\`${method}`) && !page.includes(`\`${verb ?? role!}\``);
    });
    expect(missing).toEqual([]);
  });

  it('shows a first exchange that is valid', () => {
    const lines = /```jsonl\n([^`]+)```/.exec(page)![1]!.trim().split('\n');
    const replies = ['InitializeReply', 'PolicyBeginReply', 'PolicyPlanReply', 'ShutdownReply'];
    expect(lines.map((line, index) => isA(replies[index]!)(JSON.parse(line)))).toEqual(
      replies.map(() => true),
    );
  });

  it('gives each requirement a number of its own', () => {
    const numbers = [...page.matchAll(/^\| \*\*(R\d+)\*\*/gm)].map(([, number]) => number);
    expect(numbers.length).toBeGreaterThan(25);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('shows the compact form as it is', () => {
    expect(page).toContain(`\`[2, 3, 1, 1]\` is \`"${encodeCompact([2, 3, 1, 1])}"\``);
  });
});

interface Vectors {
  readonly sets: readonly {
    what: string;
    total: number;
    runs: number[];
    compact: string;
    blocks: number[];
  }[];
  readonly large: readonly {
    what: string;
    total: number;
    runs: number[];
    compact: string;
    count: number;
  }[];
  readonly malformed: readonly { what: string; total: number; set: unknown }[];
}

function readSet(set: unknown, blocks: number): BlockSet {
  const counts = typeof set === 'string' ? decodeCompact(set, 1000) : set;
  return decodeRuns(counts, { blocks });
}

describe('protocol/vectors/blocks.json', () => {
  const { sets, large, malformed } = JSON.parse(read('vectors/blocks.json')) as Vectors;

  it.each(sets)('$what: both forms are the set', ({ total, runs, compact, blocks }) => {
    expect(readSet(runs, total).toArray()).toEqual(blocks);
    expect(readSet(compact, total).toArray()).toEqual(blocks);
    expect(encodeCompact(runs)).toBe(compact);
    expect(isA('Blocks')(runs) && isA('Blocks')(compact)).toBe(true);
  });

  it.each(large)('$what: both forms are the set', ({ total, runs, compact, count }) => {
    expect(decodeCompact(compact, 1000)).toEqual(runs);
    expect(encodeCompact(runs)).toBe(compact);
    if (count < 2 ** 25) expect(readSet(runs, total).count).toBe(count);
  });

  it.each(malformed)('$what: is refused', ({ total, set }) => {
    expect(() => readSet(set, total)).toThrow(expect.objectContaining({ kind: 'protocol' }));
  });
});

describe('the compact form', () => {
  it('gives back any counts', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat()), (counts) => {
        expect(decodeCompact(encodeCompact(counts), 1000)).toEqual(counts);
      }),
    );
  });

  it('of any text is counts or is refused, and never something else', () => {
    fc.assert(
      fc.property(fc.base64String(), (text) => {
        let counts: number[];
        try {
          counts = decodeCompact(text, 1000);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'protocol' });
          return;
        }
        expect(encodeCompact(counts)).toBe(text);
      }),
    );
  });

  it('has a limit', () => {
    expect(() => decodeCompact(encodeCompact([1, 2, 3]), 2)).toThrow(
      'The compact form of a block set is wrong: it has more than 2 counts.',
    );
  });
});
