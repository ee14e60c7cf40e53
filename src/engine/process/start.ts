/** Starts the engine process of a run: it outlives this process and its terminal. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { builtPath } from '../../base/built-files.js';
import { cancellable } from '../../base/cancel.js';
import { ConnectError, ConnectionLostError, messageOf } from '../../base/errors.js';
import { errorOf, type ControlFault } from '../control/index.js';
import type { RunFolder } from '../runs/types.js';
import type { EngineRequest } from './serve.js';

/** What the engine process says on its output, in one line. */
export type EngineGreeting =
  { readonly ready: { readonly pid: number } } | { readonly error: ControlFault };

/** Longest greeting, in bytes. */
const LONGEST_GREETING = 64 * 1024;

/**
 * Starts an engine process, and resolves with its id when controllers can attach.
 * @param program a JavaScript file; the one that was built unless told.
 * @throws ToldError as the run could not begin; ConnectionLostError when the process ends;
 * CancelledError when `signal` aborts, with the process ended.
 */
export async function startEngineProcess(
  request: EngineRequest,
  signal: AbortSignal,
  program?: string,
): Promise<number> {
  const script = program ?? (await builtPath('engine-process.js'));
  const child = spawn(process.execPath, [script], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  try {
    const greeting = await cancellable(
      greet(child, request),
      signal,
      'Starting the engine process',
    );
    if ('error' in greeting) throw errorOf(greeting.error);
    return greeting.ready.pid;
  } catch (error) {
    child.kill();
    throw error;
  } finally {
    child.stdin.destroy();
    child.stdout.destroy();
    child.unref();
  }
}

function greet(
  child: ChildProcessByStdio<Writable, Readable, null>,
  request: EngineRequest,
): Promise<EngineGreeting> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      reject(new ConnectionLostError(`The engine process of the run ${request.run} ${why}.`));
    let said = '';
    child.once('error', (error) => fail(`can't be started: ${messageOf(error)}`));
    child.once('exit', (code, signal) =>
      fail(`ended as it began (${signal ?? `exit code ${code}`})`),
    );
    child.stdin.on('error', () => undefined);
    child.stdin.end(JSON.stringify(request));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.length > LONGEST_GREETING) fail('does not greet as it should');
      if (!said.includes('\n')) return;
      try {
        resolve(JSON.parse(said) as EngineGreeting);
      } catch (error) {
        fail(`does not greet as it should: ${messageOf(error)}`);
      }
    });
  });
}

/**
 * Connects to the control socket of a run.
 * @throws ConnectError when nobody listens there; CancelledError.
 */
export async function connectControl(folder: RunFolder, signal: AbortSignal): Promise<Socket> {
  const socket = connect(folder.controlSocket);
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  try {
    await cancellable(connected, signal, `Attaching to the run ${folder.run}`);
    return socket;
  } catch (error) {
    socket.destroy();
    if (signal.aborted) throw error;
    throw new ConnectError(`The run ${folder.run} can't be attached to: ${messageOf(error)}`, {
      cause: error,
      hint: '`migrascope runs` says how it stands.',
    });
  }
}
