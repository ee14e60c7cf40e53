/** How the parts of the webview ask the service, and what they are given by the page around them. */
import type { ServiceRequests } from '../src/service/types.js';
import type { FromWebview, Pane, ViewMethod } from './messages.js';
import type { Translate } from './strings.js';

/**
 * Asks the service of a pane.
 * @throws a Fault as an Error with `kind` and `hint`.
 */
export type Ask = <Method extends ViewMethod>(
  method: Method,
  params: ServiceRequests[Method]['params'],
) => Promise<ServiceRequests[Method]['result']>;

/** What a part of the page is given. */
export interface PartContext {
  readonly pane: Pane;
  readonly t: Translate;
  /** BCP 47, for numbers. */
  readonly language: string;
  readonly ask: Ask;
  /** To the extension. */
  readonly post: (message: FromWebview) => void;
  /** Says something to screen readers, politely. */
  readonly announce: (text: string) => void;
  /** Something that is kept over a reload changed. */
  readonly changed: () => void;
}
