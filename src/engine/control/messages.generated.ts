/** Generated from protocol/control.schema.json by `npm run generate`; do not edit. */

/**
 * One line on the control socket of a run. protocol/CONTROL.md is the prose.
 */
export type ControlMessage =
  | AttachRequest
  | StateRequest
  | RunRequest
  | PauseRequest
  | StepRequest
  | LimitsRequest
  | DecideRequest
  | CancelRequest
  | DetachRequest
  | ControlReply
  | ControlRefusal
  | EventNote
  | LogNote
  | EndedNote;
/**
 * Chosen by the controller; the reply repeats it.
 */
export type RequestId = number;

/**
 * Become a controller: events come from now on, from the one with number `from` on.
 */
export interface AttachRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'attach';
  params: {
    /**
     * Who you are, for the other controllers.
     */
    name: string;
    /**
     * Number of the first event that is wanted; the first of all unless told.
     */
    from?: number;
  };
}
/**
 * How the run stands.
 */
export interface StateRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'state';
  params?: {
    [k: string]: unknown;
  };
}
/**
 * Let the program run on.
 */
export interface RunRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'run';
  params?: {
    [k: string]: unknown;
  };
}
/**
 * Hold the program at its next statement.
 */
export interface PauseRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'pause';
  params?: {
    [k: string]: unknown;
  };
}
/**
 * Let the program go on to the next statement, batch or round; where it runs, hold it at its next statement.
 */
export interface StepRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'step';
  params: {
    unit: 'statement' | 'batch' | 'round';
  };
}
/**
 * Change the limits that are named.
 */
export interface LimitsRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'limits';
  params: {
    /**
     * In bytes a second; null is no cap.
     */
    maxBandwidth?: number | null;
    /**
     * How long the guest may be paused, in milliseconds.
     */
    downtimeLimitMs?: number;
    /**
     * After this many rounds the verdict is that it does not converge.
     */
    maxRounds?: number;
  };
}
/**
 * Answer the verdict that waits.
 */
export interface DecideRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'decide';
  params: {
    decision: 'more-rounds' | 'pause-anyway' | 'cancel';
  };
}
/**
 * End the migration in order: the guest stays on its source.
 */
export interface CancelRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'cancel';
  params?: {
    [k: string]: unknown;
  };
}
/**
 * Leave; the run goes on.
 */
export interface DetachRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'detach';
  params?: {
    [k: string]: unknown;
  };
}
/**
 * The answer to a request; `result` is a State for attach and state, else an empty object.
 */
export interface ControlReply {
  jsonrpc: '2.0';
  id: RequestId;
  result:
    | ControlState
    | {
        [k: string]: unknown;
      };
}
/**
 * How the run stands.
 */
export interface ControlState {
  /**
   * Version of this protocol.
   */
  protocol: 1;
  /**
   * The run's id.
   */
  run: string;
  /**
   * Of the engine process.
   */
  pid: number;
  /**
   * Of Migrascope.
   */
  version: string;
  /**
   * How many events there are; the next one has this number.
   */
  events: number;
  /**
   * Whether the program stands at a gate.
   */
  held: boolean;
  ended: boolean;
  /**
   * Names of those who are attached.
   */
  controllers: string[];
  /**
   * Whether a verdict waits for `decide`.
   */
  asks: boolean;
  limits?: ControlLimits;
}
/**
 * The limits as they are now.
 */
export interface ControlLimits {
  maxBandwidth: number | null;
  downtimeLimitMs: number;
  maxRounds: number;
}
/**
 * Why a request was not carried out.
 */
export interface ControlRefusal {
  jsonrpc: '2.0';
  id: number | null;
  error: {
    /**
     * -32700, -32600, -32601, -32602 as in JSON-RPC; -32000 where the run refused.
     */
    code: number;
    message: string;
    data?: ControlFault;
  };
}
/**
 * An error of Migrascope.
 */
export interface ControlFault {
  /**
   * As in src/base/errors.ts, or `defect`.
   */
  kind: string;
  message: string;
  hint?: string;
  /**
   * Of a defect.
   */
  stack?: string;
}
/**
 * An event of the run, as events.schema.json has it.
 */
export interface EventNote {
  jsonrpc: '2.0';
  method: 'event';
  params: {
    [k: string]: unknown;
  };
}
/**
 * A warning that is no event.
 */
export interface LogNote {
  jsonrpc: '2.0';
  method: 'log';
  params: {
    level: 'warn' | 'error';
    message: string;
  };
}
/**
 * The run is over; every event was sent. The connection ends.
 */
export interface EndedNote {
  jsonrpc: '2.0';
  method: 'ended';
  params: {
    /**
     * The last event; absent where the engine broke.
     */
    summary?: {
      [k: string]: unknown;
    };
    error?: ControlFault;
  };
}
