/**
 * What the engine and its guardian say to each other, JSON lines over the guardian's standard input
 * and output; both are of one version, and one of them starts the other.
 *
 *   engine                          guardian
 *     │ ──── begin ───────────────────► │   looks whether it can reach the guest
 *     │ ◄──────────── ready, refused ── │
 *     │ ──── take 1 ──────────────────► │   the guest may be paused from here on
 *     │ ◄─────────────────── held 1 ─── │
 *     │ ──── renew 2, 3, … ───────────► │   about every second, and before what can't be taken back
 *     │ ◄─────────────── held 2, 3, … ─ │
 *     │ ──── release ─────────────────► │   the guest runs, or nobody owes it that
 *     │                                 │   ends
 *     │           …                     │   no renewal in time, or the end of its input:
 *     │ ◄─────────────────────── lost ─ │   it resumes the guest, and ends
 */
import { ProtocolError, messageOf } from '../../base/errors.js';
import type { HostAddress } from '../../hypervisor/index.js';
import type { ProcessIdentity, SwitchoverScope } from '../runs/types.js';

/** The longest line, in bytes. */
export const longestMessage = 64 * 1024;

/** What a guardian has to know. */
export interface GuardianTask {
  readonly run: string;
  /** Path of the run's journal. */
  readonly journal: string;
  /** How people call the hypervisor. */
  readonly name: string;
  /** The monitor that the engine holds. */
  readonly address: HostAddress;
  /** Another monitor of the same guest. */
  readonly second?: HostAddress;
  readonly engine: ProcessIdentity;
  /** How long a lease lasts that is not renewed, in milliseconds. */
  readonly leaseMs: number;
  /** What the run's switchover does; `guest`: nobody is resumed unless the journal says that it must be. */
  readonly scope: SwitchoverScope;
}

export type ToGuardian =
  | { readonly type: 'begin'; readonly task: GuardianTask }
  | { readonly type: 'take' | 'renew'; readonly number: number }
  | { readonly type: 'release' };

export type FromGuardian =
  /** `second`: it has a monitor of its own. `shared`: it has to wait for the engine's, or to end the engine. */
  | { readonly type: 'ready'; readonly by: 'second' | 'shared'; readonly warning?: string }
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'held'; readonly number: number }
  | { readonly type: 'lost'; readonly message: string };

/** @throws ProtocolError when the line is none of the engine's. */
export function parseToGuardian(line: string): ToGuardian {
  const message = parse(line, 'The engine');
  switch (message['type']) {
    case 'begin':
      if (typeof message['task'] === 'object' && message['task'] !== null)
        return { type: 'begin', task: message['task'] as GuardianTask };
      break;
    case 'take':
    case 'renew':
      if (isNumber(message['number'])) return { type: message['type'], number: message['number'] };
      break;
    case 'release':
      return { type: 'release' };
  }
  throw new ProtocolError(`The engine sent its guardian what it does not know: ${excerpt(line)}`);
}

/** @throws ProtocolError when the line is none of a guardian's. */
export function parseFromGuardian(line: string): FromGuardian {
  const message = parse(line, 'The guardian');
  const text = message['message'];
  switch (message['type']) {
    case 'ready': {
      const { by, warning } = message;
      if (by === 'second' || by === 'shared')
        return { type: 'ready', by, ...(typeof warning === 'string' ? { warning } : {}) };
      break;
    }
    case 'held':
      if (isNumber(message['number'])) return { type: 'held', number: message['number'] };
      break;
    case 'refused':
    case 'lost':
      if (typeof text === 'string') return { type: message['type'], message: text };
  }
  throw new ProtocolError(`The guardian sent what the engine does not know: ${excerpt(line)}`);
}

function parse(line: string, who: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new ProtocolError(`${who} sent what is not JSON: ${messageOf(error)}`, { cause: error });
  }
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new ProtocolError(`${who} sent what is not an object: ${excerpt(line)}`);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value);
}

function excerpt(line: string): string {
  return line.slice(0, 80);
}
