/** The text of a description as a tree with places: JSON with comments and trailing commas. */
import {
  createScanner,
  findNodeAtLocation,
  parseTree,
  type Node,
  type ParseError,
  type ParseErrorCode,
} from 'jsonc-parser';

/** The most characters of a text, values in it, and levels of nesting. */
export const LIMITS = { characters: 1024 ** 2, tokens: 100_000, depth: 32 } as const;

/** A place in a text, as editors count: from 1 on. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Something that is wrong at an offset of the text. */
export interface Finding {
  readonly offset: number;
  readonly message: string;
}

export interface ParsedText {
  /** The value; only where nothing is wrong. */
  readonly value?: unknown;
  readonly root?: Node;
  readonly findings: readonly Finding[];
}

/** In the order of jsonc-parser's ParseErrorCode, from 1 on. */
const COMPLAINTS = [
  'This is not a value: text must stand in "quotation marks"; other values are numbers, true and false.',
  'This is not a number.',
  'A name in "quotation marks" is needed here.',
  'A value is needed here.',
  'A colon is needed here, between a name and its value.',
  'A comma is needed here, before the next part.',
  'A closing } is needed here.',
  'A closing ] is needed here.',
  'Nothing may follow after the end of the description.',
  'A comment is not allowed here.',
  'The comment has no end: */ is missing.',
  'The text has no end: a quotation mark is missing.',
  'The number has no end.',
  'A \\u must be followed by four digits from 0 to F.',
  'After a backslash only one of " \\ / b f n r t u may stand.',
  'This character may not stand in a text; write it as \\n, \\t or \\u….',
];

/** The place of an offset. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lines = before.split(/\r\n|\r|\n/);
  return { line: lines.length, column: lines.at(-1)!.length + 1 };
}

/** What makes the text too large to be a description, if anything; the parser is recursive. */
function findExcess(text: string): Finding | undefined {
  if (text.length > LIMITS.characters) {
    return { offset: 0, message: 'The description is longer than 1 MiB.' };
  }
  const scanner = createScanner(text, true);
  let depth = 0;
  for (let tokens = 0; ; tokens++) {
    const token: number = scanner.scan();
    if (token === END) return undefined;
    if (token === OPEN_BRACE || token === OPEN_BRACKET) depth++;
    if (token === CLOSE_BRACE || token === CLOSE_BRACKET) depth--;
    const offset = scanner.getTokenOffset();
    if (depth > LIMITS.depth) {
      return { offset, message: `More than ${LIMITS.depth} brackets are open here.` };
    }
    if (tokens >= LIMITS.tokens) {
      return { offset, message: `The description has more than ${LIMITS.tokens} parts.` };
    }
  }
}

/** jsonc-parser's SyntaxKind, whose names exist for its own compiler only. */
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET, END] = [1, 2, 3, 4, 17];

/** The tree's value; every name is an own property, `__proto__` included. */
function valueOf(node: Node, report: (finding: Finding) => void): unknown {
  if (node.type === 'array') return node.children!.map((child) => valueOf(child, report));
  if (node.type !== 'object') return node.value as unknown;
  const entries = new Map<string, unknown>();
  for (const { children } of node.children!) {
    const [key, value] = children!;
    const name = key!.value as string;
    if (entries.has(name)) {
      report({ offset: key!.offset, message: `"${name}" is here a second time.` });
    }
    entries.set(name, value && valueOf(value, report));
  }
  return Object.fromEntries(entries);
}

/** Reads the text; says everything that is wrong with its form. */
export function parseText(text: string): ParsedText {
  const excess = findExcess(text);
  if (excess) return { findings: [excess] };
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const findings: Finding[] = errors.map(({ error, offset }) => ({
    offset,
    message: complaintOf(error),
  }));
  if (!root) {
    return {
      findings: findings.length > 0 ? findings : [{ offset: 0, message: 'There is nothing here.' }],
    };
  }
  if (findings.length > 0) return { findings };
  const value = valueOf(root, (finding) => findings.push(finding));
  return { value, root, findings };
}

function complaintOf(code: ParseErrorCode): string {
  return COMPLAINTS[code - 1] ?? 'This can not be read.';
}

/** Where a value is; with `name`, where that name of its is written. */
export function offsetOf(root: Node, path: readonly (string | number)[], name?: string): number {
  const node = findNodeAtLocation(root, [...path]);
  const key = node?.children
    ?.map(({ children }) => children?.[0])
    .find((child) => name !== undefined && child?.value === name);
  return (key ?? node ?? root).offset;
}
