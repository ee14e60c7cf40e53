/** The messages of the control socket (protocol/CONTROL.md): how a request is read, and what replies look like. */
import { isErrorKind, messageOf, MigrascopeError, ToldError } from '../../base/errors.js';
import type { EventLimits } from '../events.js';
import type { StepUnit } from '../gate.js';
import type { Decision } from '../options.js';
import type { ControlFault } from './messages.generated.js';
import type { SteeringCommand } from './steering.js';

export type * from './messages.generated.js';

/** Version of the protocol. */
export const CONTROL_PROTOCOL = 1;
/** Longest request, in bytes. */
export const LONGEST_REQUEST = 64 * 1024;
/** Longest message to a controller, in bytes: the plan of a huge and scattered disk. */
export const LONGEST_MESSAGE = 256 * 1024 * 1024;

/** JSON-RPC 2.0, section 5.1; `refused` is ours. */
export const CODES = {
  parse: -32700,
  request: -32600,
  method: -32601,
  params: -32602,
  refused: -32000,
} as const;

/** What a controller asks. */
export type ControlRequest =
  | { readonly method: 'attach'; readonly name: string; readonly from: number }
  | { readonly method: 'state' | 'detach' }
  | { readonly method: 'tell'; readonly command: SteeringCommand };

/** A request that can't be carried out. */
export class RequestError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly id: number | null,
  ) {
    super(message);
  }
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a request; fields that are not known are let pass.
 * @throws RequestError when it is none.
 */
export function parseRequest(line: string): {
  readonly id: number;
  readonly request: ControlRequest;
} {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new RequestError(CODES.parse, `This is no JSON: ${messageOf(error)}`, null);
  }
  if (!isFields(value)) throw new RequestError(CODES.request, 'A request is an object.', null);
  const { id, method } = value;
  if (!isCount(id)) throw new RequestError(CODES.request, '`id` is a whole number from 0.', null);
  const refuse = (code: number, message: string): never => {
    throw new RequestError(code, message, id);
  };
  if (value['jsonrpc'] !== '2.0') refuse(CODES.request, '`jsonrpc` is "2.0".');
  if (typeof method !== 'string') return refuse(CODES.request, '`method` is a string.');
  const params = 'params' in value ? value['params'] : {};
  if (!isFields(params)) return refuse(CODES.params, '`params` is an object.');
  const request = readRequest(method, params, (message) => refuse(CODES.params, message));
  return {
    id,
    request: request ?? refuse(CODES.method, `There is no method "${method.slice(0, 40)}".`),
  };
}

type Refuse = (message: string) => never;

function readRequest(method: string, params: Fields, refuse: Refuse): ControlRequest | undefined {
  switch (method) {
    case 'attach':
      return readAttach(params, refuse);
    case 'state':
    case 'detach':
      return { method };
    case 'run':
    case 'pause':
    case 'cancel':
      return { method: 'tell', command: { command: method } };
    case 'step':
      return {
        method: 'tell',
        command: { command: method, unit: readUnit(params['unit'], refuse) },
      };
    case 'limits':
      return { method: 'tell', command: { command: method, limits: readLimits(params, refuse) } };
    case 'decide': {
      const decision = readDecision(params['decision'], refuse);
      return { method: 'tell', command: { command: method, decision } };
    }
    default:
      return undefined;
  }
}

const LONGEST_NAME = 64;

function readAttach({ name, from = 0 }: Fields, refuse: Refuse): ControlRequest {
  if (typeof name !== 'string' || name === '' || Array.from(name).length > LONGEST_NAME)
    return refuse(`\`name\` is a text of 1 to ${LONGEST_NAME} characters.`);
  if (!isCount(from)) return refuse('`from` is a whole number from 0.');
  return { method: 'attach', name, from };
}

function readUnit(unit: unknown, refuse: Refuse): StepUnit {
  if (unit === 'statement' || unit === 'batch' || unit === 'round') return unit;
  return refuse('`unit` is "statement", "batch" or "round".');
}

function readDecision(decision: unknown, refuse: Refuse): Decision {
  if (decision === 'more-rounds' || decision === 'pause-anyway' || decision === 'cancel')
    return decision;
  return refuse('`decision` is "more-rounds", "pause-anyway" or "cancel".');
}

const MOST = { bandwidth: 1e15, downtimeMs: 86_400_000, rounds: 10_000 } as const;

function readLimits(params: Fields, refuse: Refuse): Partial<EventLimits> {
  const { maxBandwidth, downtimeLimitMs, maxRounds } = params;
  const limits: { -readonly [K in keyof EventLimits]?: EventLimits[K] } = {};
  if (maxBandwidth !== undefined) {
    if (maxBandwidth !== null && !(isNumber(maxBandwidth, MOST.bandwidth) && maxBandwidth > 0))
      return refuse('`maxBandwidth` is a number above 0, in bytes a second, or null.');
    limits.maxBandwidth = maxBandwidth;
  }
  if (downtimeLimitMs !== undefined) {
    if (!isNumber(downtimeLimitMs, MOST.downtimeMs))
      return refuse('`downtimeLimitMs` is a number from 0, in milliseconds, of a day at most.');
    limits.downtimeLimitMs = downtimeLimitMs;
  }
  if (maxRounds !== undefined) {
    if (!isNumber(maxRounds, MOST.rounds) || !Number.isInteger(maxRounds) || maxRounds < 1)
      return refuse(`\`maxRounds\` is a whole number from 1 to ${MOST.rounds}.`);
    limits.maxRounds = maxRounds;
  }
  if (Object.keys(params).length === 0) return refuse('At least one limit has to be named.');
  return limits;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isNumber(value: unknown, most: number): value is number {
  return typeof value === 'number' && value >= 0 && value <= most;
}

/** An error, for another process. */
export function faultOf(error: unknown): ControlFault {
  if (error instanceof MigrascopeError) {
    const { kind, message, hint } = error;
    return { kind, message, ...(hint ? { hint } : {}) };
  }
  const stack = error instanceof Error && error.stack ? { stack: error.stack } : {};
  return { kind: 'defect', message: messageOf(error), ...stack };
}

/** The error that another process told of; of a kind that is not known here, it is a plain one. */
export function errorOf({ kind, message, hint, stack }: ControlFault): Error {
  if (isErrorKind(kind)) return new ToldError(kind, message, hint === undefined ? {} : { hint });
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
