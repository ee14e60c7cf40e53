/** Follows a run: a view of its own that keeps the newest figures, for the tree, the status bar and notifications. */
import * as vscode from 'vscode';
import type { HeaderNote, MomentNote, SteeringCommand, ViewNote } from '../../service/types.js';
import type { Core } from '../core.js';
import type { ServiceClient } from '../service/client.js';

export class Follower implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onChanged = this.#changed.event;
  readonly #service: ServiceClient;
  header: HeaderNote | undefined;
  moment: MomentNote | undefined;
  /** Why it can't be followed any more. */
  trouble: string | undefined;

  constructor(
    core: Core,
    readonly run: string,
  ) {
    this.#service = core.startService({
      note: (note) => this.#take(note),
      ended: (fault) => this.#lose(fault.message),
    });
    this.#service.ask('view.open', { type: 'run', run }).catch((error: unknown) => {
      this.#lose(error instanceof Error ? error.message : String(error));
    });
  }

  /** @throws ServiceError as the run refuses it. */
  async tell(command: SteeringCommand): Promise<void> {
    await this.#service.ask('view.tell', command);
  }

  dispose(): void {
    this.#service.dispose();
    this.#changed.dispose();
  }

  #take(note: ViewNote): void {
    if (note.type === 'header') this.header = note;
    else if (note.type === 'moment') this.moment = note;
    else if (note.type === 'trouble') this.trouble = note.error.message;
    else return;
    this.#changed.fire(undefined);
  }

  #lose(why: string): void {
    this.trouble = why;
    this.#changed.fire(undefined);
  }
}
