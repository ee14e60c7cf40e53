/**
 * The port by which a simulated host is steered from outside: who it is, what is to go wrong with it,
 * and its end. Whoever connects asks once, in a line of JSON, and gets a line of JSON:
 *
 *   {"ask": "who"}                                              {"name": …, "pid": …}
 *   {"ask": "fault", "fault": NAME, "values": {…}}              {"said": …}
 *   {"ask": "end"}                                              {}, and the host ends
 *   anything that can't be                                      {"error": {"kind", "message", "hint"}}
 *
 * A later version may know more to ask; an answer may have more members.
 */
import type { Duplex } from 'node:stream';
import { MigrascopeError, messageOf, UsageError } from '../base/errors.js';
import type { FaultValues } from './faults.js';

/** The longest line, in bytes. */
export const LONGEST_LINE = 16 * 1024;

/** What is asked of a host. */
export type HostQuestion =
  | { readonly ask: 'who' }
  | { readonly ask: 'fault'; readonly fault: string; readonly values: FaultValues }
  | { readonly ask: 'end' };

/** What a host answers. */
export interface HostAnswer {
  readonly name?: string;
  readonly pid?: number;
  readonly said?: string;
  readonly error?: { readonly kind: string; readonly message: string; readonly hint?: string };
}

/** What a host does with what it is asked. */
export interface HostPortParts {
  readonly name: string;
  readonly pid: number;
  /** Makes something go wrong. @returns what is so from now on. */
  fault(name: string, values: FaultValues): Promise<string>;
  /** Is called once the answer is on its way. */
  end(): void;
}

/** Serves one who has connected: a question, an answer, and the end. Never throws. */
export function serveHostPort(stream: Duplex, parts: HostPortParts): void {
  let text = '';
  const onData = (chunk: Buffer | string): void => {
    text += chunk.toString();
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= LONGEST_LINE) return;
    stream.off('data', onData);
    const line = end < 0 ? '' : text.slice(0, end);
    void answer(line, parts).then(({ reply, ends }) => {
      stream.end(`${JSON.stringify(reply)}\n`, () => {
        if (ends) parts.end();
      });
      stream.resume();
    });
  };
  stream.on('error', () => stream.destroy());
  stream.once('end', () => stream.end());
  stream.on('data', onData);
}

async function answer(
  line: string,
  parts: HostPortParts,
): Promise<{ readonly reply: HostAnswer; readonly ends: boolean }> {
  const { name, pid } = parts;
  try {
    const question = readQuestion(line);
    if (question.ask === 'who') return { reply: { name, pid }, ends: false };
    if (question.ask === 'end') return { reply: {}, ends: true };
    const said = await parts.fault(question.fault, question.values);
    return { reply: { said }, ends: false };
  } catch (error) {
    const known = error instanceof MigrascopeError;
    const kind = known ? error.kind : 'lab';
    const hint = known && error.hint !== undefined ? { hint: error.hint } : {};
    return { reply: { error: { kind, message: messageOf(error), ...hint } }, ends: false };
  }
}

/** @throws UsageError when it is nothing that can be asked. */
function readQuestion(line: string): HostQuestion {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new UsageError('What a simulated host was asked is no line of JSON.', { cause: error });
  }
  const { ask, fault, values } = isObject(value) ? value : {};
  if (ask === 'who' || ask === 'end') return { ask };
  if (ask === 'fault' && typeof fault === 'string' && isObject(values))
    return { ask, fault, values };
  throw new UsageError('A simulated host was asked what it does not know.', {
    hint: 'It and the command are of different versions: end it with `migrascope lab down`.',
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
