/** The webview's end of its contract with the extension: messages out, replies matched to questions. */
import type { Fault } from '../src/service/types.js';
import type { Ask } from './ask.js';
import type { FromWebview, Pane, ToWebview } from './messages.js';

interface VsCodeApi {
  postMessage(message: FromWebview): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

/** A question that failed, as the service told it. */
export class AskError extends Error {
  readonly kind: Fault['kind'];
  readonly hint: string | undefined;

  constructor({ kind, message, hint }: Fault) {
    super(hint === undefined ? message : `${message} ${hint}`);
    this.kind = kind;
    this.hint = hint;
  }
}

export class Connection {
  readonly #api = acquireVsCodeApi();
  readonly #waiting = new Map<
    number,
    { resolve(value: never): void; reject(error: Error): void }
  >();
  #nextId = 1;

  /** @param listener takes all messages but replies. */
  constructor(listener: (message: ToWebview) => void) {
    window.addEventListener('message', ({ data }: MessageEvent<ToWebview>) => {
      if (data.type !== 'reply' && data.type !== 'fault') {
        listener(data);
        return;
      }
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.type === 'fault') waiting?.reject(new AskError(data.fault));
      else waiting?.resolve(data.result as never);
    });
  }

  readonly post = (message: FromWebview): void => this.#api.postMessage(message);

  /** The questions of a pane. */
  askOf(pane: Pane): Ask {
    return (method, params) =>
      new Promise((resolve, reject) => {
        const id = this.#nextId++;
        this.#waiting.set(id, { resolve, reject });
        this.post({ type: 'ask', id, pane, method, params } as FromWebview);
      });
  }

  get state(): unknown {
    return this.#api.getState();
  }

  /** Kept over a reload, together with what is shown. */
  keep(state: object): void {
    const request: unknown = JSON.parse(document.body.dataset['request'] ?? 'null');
    this.#api.setState({ ...state, request });
  }
}
