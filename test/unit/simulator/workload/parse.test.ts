import { describe, expect, it } from 'vitest';
import type { DescriptionError } from '../../../../src/base/errors.js';
import { parseWorkload } from '../../../../src/simulator/workload/parse.js';
import { problemsOf } from './describe.js';

/** A description whose line 3 is its files and whose line 4 is its writers. */
function text(files: string, writers = ''): string {
  return `{ "name": "test",\n  "description": "d",\n  "files": [${files}],\n  "writers": [${writers}] }`;
}

const DATA = '{ "name": "data", "path": "/mnt/data", "size": "10 %" }';
const writer = (rest: string, step = '{ "write": "data" }') =>
  `{ "name": "w", ${rest} "do": [${step}] }`;
const step = (content: string) => text(DATA, writer('', content));

/** What is wrong, the text, and how the only problem is told. */
const WRONG: [string, string, RegExp][] = [
  ['nothing', '', /^1:1: There is nothing here\.|^1:1: A value is needed here\./],
  ['only a comment', '// hello\n', /^\d:\d+: A value is needed here\./],
  ['no comma', '{\n  "name": "a"\n  "description": "b" }', /^3:3: A comma is needed here/],
  ['no end', '{ "name": "a"', /^1:14: A closing } is needed here/],
  ['no colon', '{ "name" "a" }', /^1:10: A colon is needed here/],
  ['a second document', '{} {}', /^1:4: Nothing may follow/],
  ['a comment without end', `${text('')} /* `, /^4:19: The comment has no end/],
  ['brackets without end', '['.repeat(100_000), /^1:33: More than 32 brackets are open here/],
  ['too many parts', `[${'0,'.repeat(100_000)}]`, /^1:\d+: The description has more than 100000 p/],
  ['too long a text', ' '.repeat(2 ** 20 + 1), /^1:1: The description is longer than 1 MiB/],
  ['a name said twice', '{ "name": "a",\n"name": "b" }', /^2:1: "name" is here a second time\./],
  ['a list', '[]', /^1:1: The description must be an object in braces, not a list\./],
  [
    'no writers',
    '{ "name": "a", "description": "d", "files": [] }',
    /^1:1: The description needs "writers"\./,
  ],
  [
    'a name that is none',
    text('').replace('"test"', '"My test"'),
    /^1:11: "name" can't be "My test"\. What it can be: a name: small letters/,
  ],
  [
    'an unknown name',
    text(DATA.replace('"size"', '"siez"')),
    /^3:52: "siez" is not known here\. Did you mean "size"\? Known are "name", "path", "size"/,
  ],
  [
    'an inherited name',
    text(DATA.replace('"size"', '"__proto__": {}, "size"')),
    /^3:52: "__proto__" is not known here\. Known are/,
  ],
  [
    'a size that is none',
    text(DATA.replace('10 %', '10 KB')),
    /^3:60: "size" can't be "10 KB"\. What it can be: a size: a number and B, KiB, MiB/,
  ],
  [
    'a name that is almost one of several kinds of values',
    text(DATA.replace('"size"', '"laidOut": "emty", "size"')),
    /^3:63: "laidOut" can't be "emty"\. Did you mean "empty"\? What it can be: what is there/,
  ],
  [
    'a text for a number',
    text(DATA.replace('"size"', '"count": "3", "size"')),
    /^3:61: "count" must be a whole number, not "3"\./,
  ],
  [
    'too many of one kind',
    text(DATA.replace('"size"', '"count": 100001, "size"')),
    /^3:61: "count" must be at most 100000\./,
  ],
  ['no steps', text(DATA, '{ "name": "w", "do": [] }'), /^4:36: "do" must have at least 1 entries/],
  [
    'too long a name',
    text('').replace('"d"', `"${'x'.repeat(501)}"`),
    /^2:18: "description" must have at most 500 ch/,
  ],
  [
    'a step without a verb',
    step('{ "wirte": "data" }'),
    /^4:38: Entry 1 of "do" can't be used\. A step does one of: write, .* Did you mean "write"\?/,
  ],
  ['a step that is a text', step('"write"'), /^4:38: Entry 1 of "do" can't be used\. A step does/],
  [
    'a step of two verbs',
    step('{ "write": "data", "fsync": "data" }'),
    /^4:38: Entry 1 of "do" can't be used\. A step does one thing, and this one does "write", "fsync"\./,
  ],
  [
    'what a step does not know',
    step('{ "append": "data", "where": "start" }'),
    /^4:58: "where" is not known here\. Known are "append", "size", "times", "each", "chance"\./,
  ],
  [
    'a place that is none',
    step('{ "write": "data", "where": "anywere" }'),
    /^4:66: "where" can't be "anywere"\. Did you mean "anywhere"\? What it can be: "anywhere"/,
  ],
  [
    'a place of another kind',
    step('{ "write": "data", "where": { "normal": 3 } }'),
    /^4:66: "where" can't be used\. A place: "anywhere", "in order", "start"/,
  ],
  [
    'half a hot set',
    step('{ "write": "data", "where": { "hot": "5 %" } }'),
    /^4:66: "where" needs "gets"\./,
  ],
  [
    'too large an exponent',
    step('{ "write": "data", "where": { "zipf": 9 } }'),
    /^4:76: "zipf" must be at most 5\./,
  ],
  [
    'one size for two',
    step('{ "write": "data", "size": ["1 page"] }'),
    /^4:65: "size" must have at least 2 entries\./,
  ],
  [
    'a share of more than all',
    step('{ "write": "data", "chance": "101 %" }'),
    /^4:67: "chance" can't be "101 %"\. What it can be: a share from 0 % to 100 %/,
  ],
  [
    'a rate that is none',
    text(DATA, writer('"rate": "fast",')),
    /^4:38: "rate" can't be "fast"\. What it can be: a rate: /,
  ],
  [
    'a time that is none',
    text(DATA, writer('"every": "1 day",')),
    /^4:39: "every" can't be "1 day"\. What it can be: a time: a number and ms, s, min or h/,
  ],
  [
    'a name used twice',
    text(`${DATA},\n${DATA.replace('/data', '/other')}`),
    /^4:11: Two entries of "files" are called "data"\./,
  ],
  [
    'two writers of one name',
    text(DATA, `${writer('')},\n${writer('')}`),
    /^5:11: Two entries of "writers" are called "w"\./,
  ],
  [
    'a file that there is not',
    step('{ "write": "dta" }'),
    /^4:49: There are no files called "dta"\. Did you mean "data"\?/,
  ],
  [
    'a target that there is not',
    step('{ "rename": "data", "to": "nothing-like-it" }'),
    /^4:64: There are no files called "nothing-like-it"\.$/,
  ],
  [
    'more than the disk',
    text(`${DATA},\n{ "name": "b", "path": "/b-#", "count": 9, "size": "10 %" }`),
    /^3:12: The files add up to 100 % of the disk; at most 90 % can be/,
  ],
  [
    'more files than can be',
    text(
      '{ "name": "a", "path": "/a-#", "count": 60000, "size": "1 page" },' +
        '{ "name": "b", "path": "/b-#", "count": 60000, "size": "1 page" }',
    ),
    /^3:12: There are 120000 files; at most 100000 can be\./,
  ],
  ['a relative path', text(DATA.replace('/mnt', 'mnt')), /^3:39: "path" can't be "mnt\/data"/],
  [
    'a path with ..',
    text(DATA.replace('/mnt', '/mnt/..')),
    /^3:39: The path "\/mnt\/\.\.\/data" must/,
  ],
  [
    'many files on one path',
    text(DATA.replace('"size"', '"count": 2, "size"')),
    /^3:39: The path "\/mnt\/data" stands for 2 files, so it needs ####/,
  ],
  [
    'a number in two places',
    text(DATA.replace('/data', '/#/#')),
    /^3:39: The path "\/mnt\/#\/#" can have #### once/,
  ],
  [
    'a path used twice',
    text(`${DATA},\n{ "name": "b", "path": "/mnt/data", "size": "1 page" }`),
    /^4:24: There are two files with the path "\/mnt\/data"\./,
  ],
  [
    'a file that is a folder',
    text(`${DATA}, { "name": "b", "path": "/mnt/data/b", "size": "1 page" }`),
    /^3:39: "\/mnt\/data" is a file here, and the folder of "\/mnt\/data\/b" elsewhere\./,
  ],
  [
    'no size',
    text('{ "name": "a", "path": "/a" }'),
    /^3:13: The files "a" need either "size" \(of each\) or "together" \(of all\), and not both\./,
  ],
  [
    'phases that overlap',
    text(DATA, writer('"phases": [{ "to": "9 s" },\n{ "from": "8 s" }],')),
    /^5:1: The phase begins before the one above it has ended/,
  ],
  [
    'a phase that ends before it begins',
    text(DATA, writer('"phases": [{ "from": "9 s", "to": "9 s" }],')),
    /^4:41: The phase ends before it begins/,
  ],
  [
    'a phase that is longer than its cycle',
    text(DATA, writer('"repeat": "5 s", "phases": [{ "to": "6 s" }],')),
    /^4:58: The phase goes on after "5 s", when the phases begin anew\./,
  ],
  [
    'a cycle of nothing',
    text(DATA, writer('"repeat": "5 s",')),
    /^4:40: "repeat" says how often "phases" begin anew, and there are none\./,
  ],
  [
    'too short a turn',
    text(DATA, writer('"every": "0.5 ms",')),
    /^4:39: "every" is "0.5 ms"; the shortest is "1 ms"\./,
  ],
  [
    'sizes that go down',
    step('{ "write": "data", "size": ["8 KiB", "1 page"] }'),
    /^4:65: The sizes "8 KiB" to "1 page" go down/,
  ],
  [
    'files renamed to fewer',
    text(
      `${DATA}, { "name": "b", "path": "/b-#", "count": 2, "size": "1 page" }`,
      writer('', '{ "rename": "b", "to": "data" }'),
    ),
    /^4:38: Each of "b" takes the place of one of "data", so there must be as many: 2 and 1\./,
  ],
  [
    'a unit of files',
    text(DATA, writer('"pick": { "zipf": 1, "unit": "1 page" },')),
    /^4:38: "pick" draws a file, and a file has no "unit"/,
  ],
];

describe('what is wrong with a description', () => {
  it.each(WRONG)('%s', (_, wrong, told) => {
    const problems = problemsOf(wrong);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(told);
  });

  it('is told with the file, all of it', () => {
    const wrong = text(
      '{ "name": "X", "path": "x", "size": 3 }',
      writer('', '{ "read": "y", "x": 1 }'),
    );
    expect(() => parseWorkload(wrong, 'my.json')).toThrow(
      expect.objectContaining({
        kind: 'usage',
        source: 'my.json',
        problems: [
          expect.objectContaining({ line: 3, column: 23 }),
          expect.objectContaining({ line: 3, column: 36 }),
          expect.objectContaining({ line: 3, column: 49 }),
          expect.objectContaining({ line: 4, column: 53 }),
        ],
        message: expect.stringMatching(
          /^The workload my\.json can't be used:\nmy\.json:3:23: "name" can't be "X"\..*\nmy\.json:3:36: /,
        ) as string,
      }) as DescriptionError,
    );
  });

  it('is told ten times at most, from the beginning', () => {
    const problems = problemsOf(text(new Array(50).fill('\n3').join(',')));
    expect(problems).toHaveLength(10);
    expect(problems[0]).toMatch(/^4:1: Entry 1 of "files" must be an object in braces, not 3\./);
    expect(problems[9]).toMatch(/^13:1: /);
  });
});

describe('a description', () => {
  it('may have comments and commas at the end', () => {
    const commented = `\uFEFF${text(`${DATA}, // one file\n`, '/* none */')}`.replace(
      /}$/,
      ',}\n// end',
    );
    expect(parseWorkload(commented, 'my.json')).toMatchObject({ name: 'test', writers: [] });
  });

  it('counts lines of every kind', () => {
    const [problem] = problemsOf(text('3').replaceAll('\n', '\r\n'));
    expect(problem).toMatch(/^3:13: /);
  });
});
