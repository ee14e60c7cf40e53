import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../src/probe/lines.js';

function split(chunks: readonly Buffer[], limit?: number): string[] {
  const splitter = new LineSplitter(limit);
  const lines: string[] = [];
  for (const chunk of chunks) splitter.push(chunk, (line) => lines.push(line.toString()));
  return lines;
}

describe('lines of the probe', () => {
  it('are the same in any fragmentation', () => {
    const cut = fc.record({
      lines: fc.array(fc.string({ maxLength: 40 }).map((text) => `${text.replaceAll('\n', '')}\n`)),
      cuts: fc.array(fc.nat(), { maxLength: 20 }),
    });
    fc.assert(
      fc.property(cut, ({ lines, cuts }) => {
        const bytes = Buffer.from(lines.join(''));
        const places = [0, ...cuts.map((place) => place % (bytes.length + 1)), bytes.length];
        places.sort((a, b) => a - b);
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        expect(split(chunks)).toEqual(lines.map((line) => Buffer.from(line).toString()));
      }),
    );
  });

  it('are accepted up to the limit, newline included', () => {
    expect(split([Buffer.from('1234567\n')], 8)).toEqual(['1234567\n']);
  });

  it('are refused beyond it, before they end', () => {
    const splitter = new LineSplitter(8);
    splitter.push(Buffer.from('12345678'), () => undefined);
    const push = () => splitter.push(Buffer.from('9'), () => undefined);
    expect(push).toThrow(/^The guest's probe sent a line of more than 8 bytes/);
    expect(push).toThrow(expect.objectContaining({ kind: 'protocol' }) as Error);
  });
});
