import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatJson } from '../../../../src/simulator/qmp/json-value.js';
import type { JsonValue } from '../../../../src/simulator/qmp/json-value.js';
import {
  DEEPEST,
  LARGEST_MESSAGE,
  MessageReader,
  MOST_TOKENS,
} from '../../../../src/simulator/qmp/message-reader.js';

/** What a reader makes of some text: values, and the descriptions of errors. */
function read(text: string | Buffer, cut = Infinity): unknown[] {
  const reader = new MessageReader();
  const bytes = Buffer.from(text as string);
  const found: unknown[] = [];
  for (let at = 0; at < bytes.length; at += cut) {
    for (const each of reader.push(bytes.subarray(at, at + cut))) {
      found.push(each.error ? each.error.description : each.value);
    }
    if (cut === Infinity) break;
  }
  return found;
}

/** With numbers in place of the integers that only bigint holds. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(value, (_name, each: unknown) =>
    typeof each === 'bigint' ? Number(each) : each,
  );
  return JSON.parse(text);
}

const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<JsonValue>;
const object = fc.dictionary(fc.string(), json);

describe('reading messages', () => {
  test.each([1, 2, 7, Infinity])('any values, in chunks of %s bytes, wherever lines end', (cut) => {
    fc.assert(
      fc.property(
        fc.array(object),
        fc.constantFrom('', ' ', '\r\n', '\n\n\t'),
        (values, between) => {
          const text = values.map((value) => JSON.stringify(value, undefined, 1)).join(between);
          expect(plain(read(text, cut))).toEqual(plain(values));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('what was written is read again', () => {
    fc.assert(
      fc.property(object, (value) => {
        expect(plain(read(formatJson(value)))).toEqual([plain(value)]);
      }),
    );
  });

  test('any bytes end, and a message after FF is understood', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const found = read(Buffer.concat([bytes, Buffer.from([0xff]), Buffer.from('{"a": 1}')]));
        expect(found.at(-1)).toEqual({ a: 1 });
      }),
    );
  });

  test('several on a line, strings in single quotes, integers of 64 bits', () => {
    expect(read(`{'a': "b'"}[1]{"id": 18446744073709551615} 7 `)).toEqual([
      { a: "b'" },
      [1],
      { id: 18446744073709551615n },
      7,
    ]);
    expect(formatJson({ id: 18446744073709551615n })).toBe('{"id": 18446744073709551615}');
    expect(read('[1e3, -0.5, 99999999999999999999, 1e999]')).toEqual([
      [1000, -0.5, 1e20, Infinity],
    ]);
  });

  test('escapes, and characters of two units', () => {
    expect(read(String.raw`["\u00e9\n\t\"\'\/\\", "\ud83d\ude00", "é😀"]`)).toEqual([
      ['é\n\t"\'/\\', '😀', 'é😀'],
    ]);
  });

  test.each([
    ['{]', 'JSON parse error, key is not a string in object', 'expecting value'],
    ['{1: 2}', 'JSON parse error, key is not a string in object'],
    ['{"a" 1}', 'JSON parse error, missing : in object pair'],
    ['{"a": 1 "b"}', 'JSON parse error, expected separator in dict'],
    ['{"a": 1, "a": 2}', 'JSON parse error, duplicate key'],
    ['[1 2]', 'JSON parse error, expected separator in list'],
    ['[,]', 'JSON parse error, expecting value'],
    ['{"a": nul }', "JSON parse error, invalid keyword 'nul'"],
    [String.raw`["\q"]`, 'JSON parse error, invalid escape sequence in string'],
    [String.raw`["\ud800"]`, String.raw`JSON parse error, \ud800 is not a valid Unicode character`],
    [String.raw`["\u12g4"]`, String.raw`JSON parse error, \u12g4 is not a valid Unicode character`],
    ['@', "JSON parse error, stray '@'"],
    ['"a\n', "JSON parse error, stray '\"a\n'"],
    ['01 ', "JSON parse error, stray '01'"],
    [']', 'JSON parse error, expecting value'],
    ['[}', 'JSON parse error, expecting value'],
  ])('%s is refused in QEMU’s words', (text, ...words) => {
    const [first] = read(text);
    expect(words.some((each) => String(first).includes(each))).toBe(true);
    expect(first).toMatch(/^JSON parse error, /);
  });

  test('a string that is not UTF-8', () => {
    expect(read(Buffer.from([0x5b, 0x22, 0xc3, 0x28, 0x22, 0x5d]))).toEqual([
      'JSON parse error, invalid UTF-8 sequence in string',
    ]);
  });

  test('after a stray byte the rest of the word is skipped, and no more', () => {
    expect(read('#garbage of some kind\n{"a": 1}')).toEqual([
      "JSON parse error, stray '#'",
      { a: 1 },
    ]);
  });

  test('bounds: how deep, how long, how many', () => {
    expect(read('['.repeat(DEEPEST))).toEqual([]);
    expect(read('['.repeat(DEEPEST + 1))).toEqual(['JSON nesting depth limit exceeded']);
    const long = 'x'.repeat(LARGEST_MESSAGE / 2);
    expect(read(`["${long}", "${long}"`)).toEqual(['JSON token size limit exceeded']);
    expect(read(`"${long}${long}`)).toEqual(['JSON token size limit exceeded']);
    expect(read(`[${'1,'.repeat(MOST_TOKENS / 2)}`)).toEqual(['JSON token count limit exceeded']);
  });
});
