/** Asks a simulated host something, over its port (host-port.ts is the other end). */
import { connect } from 'node:net';
import { LabError, UsageError } from '../base/errors.js';
import { parseAddress } from '../hypervisor/index.js';
import { LONGEST_LINE, type HostAnswer, type HostQuestion } from './host-port.js';

/** A host that computes a lot answers late. */
const TIMEOUT_MS = 10_000;

/**
 * @param address of its port: `unix:PATH` or `tcp:HOST:PORT`.
 * @throws LabError when nobody listens there, or nothing that makes sense is answered within 10 s;
 * UsageError when the host refuses.
 */
export async function askHost(address: string, question: HostQuestion): Promise<HostAnswer> {
  const answer = parseAnswer(await exchange(address, question), address);
  const { error } = answer;
  if (!error) return answer;
  const { kind, message, hint } = error;
  const Refusal = kind === 'usage' ? UsageError : LabError;
  throw new Refusal(message, hint === undefined ? {} : { hint });
}

function exchange(address: string, question: HostQuestion): Promise<string> {
  const where = parseAddress(address);
  if (where.type === 'ssh') throw new LabError(`A simulated host is not reached by ${address}.`);
  const socket = connect(where);
  const late = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise<string>((resolve, reject) => {
    let text = '';
    const fail = (why: string, cause?: unknown): void =>
      reject(
        new LabError(`The simulated host at ${address} can't be asked: ${why}.`, {
          cause,
          hint: '`migrascope lab status` lists the guests that run.',
        }),
      );
    late.addEventListener('abort', () => fail(`no answer within ${TIMEOUT_MS} ms`));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > LONGEST_LINE) fail('its answer has no end');
      else if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    socket.once('error', (error) => fail(error.message, error));
    socket.once('close', () => fail('it ended the connection'));
    socket.write(`${JSON.stringify(question)}\n`);
  }).finally(() => socket.destroy());
}

function parseAnswer(line: string, address: string): HostAnswer {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Told below.
  }
  throw new LabError(`What listens at ${address} is no simulated host: it answered ${line}`);
}
