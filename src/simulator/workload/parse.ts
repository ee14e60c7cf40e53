/** Reads a description from text: its form, its schema, its meaning, each error with its place. */
import { DescriptionError, type DescriptionProblem } from '../../base/errors.js';
import type { WorkloadDescription } from './description.generated.js';
import { findObjections } from './explain.js';
import { findMisuses } from './meaning.js';
import { offsetOf, parseText, positionAt, type Finding } from './syntax.js';

/** The most that is told at once. */
const MOST_PROBLEMS = 10;

function findProblems(text: string): { findings: readonly Finding[]; value?: WorkloadDescription } {
  const { value, root, findings } = parseText(text);
  if (findings.length > 0 || !root) return { findings };
  const objections = findObjections(value, MOST_PROBLEMS);
  if (objections.length > 0) {
    return {
      findings: objections.map(({ path, name, message }) => ({
        offset: offsetOf(root, path, name),
        message,
      })),
    };
  }
  const description = value as WorkloadDescription;
  const misuses = findMisuses(description);
  return {
    value: description,
    findings: misuses.map(({ path, message }) => ({ offset: offsetOf(root, path), message })),
  };
}

/** The first ones by place, each place and message once. */
function inOrder(text: string, findings: readonly Finding[]): DescriptionProblem[] {
  const unique = new Map(findings.map((found) => [`${found.offset} ${found.message}`, found]));
  return [...unique.values()]
    .sort((one, other) => one.offset - other.offset)
    .slice(0, MOST_PROBLEMS)
    .map(({ offset, message }) => ({ ...positionAt(text, offset), message }));
}

/**
 * A description from its text.
 * @param source what the text is called in messages: the file's path.
 * @throws DescriptionError with up to ten problems, each with line and column.
 */
export function parseWorkload(text: string, source: string): WorkloadDescription {
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const { value, findings } = findProblems(withoutMark);
  if (value && findings.length === 0) return value;
  throw new DescriptionError('The workload', source, inOrder(withoutMark, findings));
}
