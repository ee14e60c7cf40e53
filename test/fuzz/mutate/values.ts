/** Values that readers stumble over. */

/** Of 32 bits. */
export const INTEGERS_32 = [
  0, 1, 2, 3, 7, 8, 12, 0x7f, 0xff, 0x100, 0x1ff, 0x200, 0xfff, 0x1000, 0x1001, 0x7fff, 0xffff,
  0x10000, 0x7fffff, 0x800004, 0x80000c, 0x1000000, 0x2000000, 0x7fffffff, 0x80000000, 0x80000001,
  0x80000006, 0xfffffffe, 0xffffffff,
] as const;

/** Numbers as JSON may write them. */
export const NUMBERS = [
  '0',
  '-0',
  '1',
  '-1',
  '0.5',
  '1e-7',
  '255',
  '65535',
  '65536',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '18446744073709551615',
  '18446744073709551616',
  '-9223372036854775808',
  '1e15',
  '1e21',
  '1e308',
  '1e400',
  '-1e400',
] as const;

/** Other JSON values, as they are written. */
export const LITERALS = [
  'null',
  'true',
  'false',
  '""',
  '"0"',
  '"x"',
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '[1,2,3]',
  '{"a":1}',
  '{"length":4294967295}',
  '{"toString":1,"valueOf":1}',
  '{"__proto__":null}',
  '{"__proto__":{"kind":"x"},"constructor":1}',
  '"\\ud800"',
  '"\\udfff\\ud800"',
  '"a\\u0000b"',
  '"\\u001b[2J"',
  '"__proto__"',
  '"constructor"',
  '"\\u2028"',
] as const;

/** Names of members that objects have without anybody's doing, and some that mean something to many readers. */
export const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'length',
  'then',
  'toJSON',
  'id',
  'type',
  'error',
  'result',
  'return',
  'event',
  'method',
  'params',
  'data',
  '',
] as const;

/** Bytes that are no UTF-8, or trouble those who take them for it. */
export const BAD_UTF8 = [
  Buffer.from([0x80]),
  Buffer.from([0xc0, 0x80]),
  Buffer.from([0xe2, 0x82]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf4, 0x90, 0x80, 0x80]),
  Buffer.from([0xff]),
  Buffer.from([0xef, 0xbb, 0xbf]),
  Buffer.from([0x00]),
] as const;
