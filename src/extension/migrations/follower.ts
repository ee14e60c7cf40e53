/** Follows a run: a view of its own that keeps the newest figures, for the tree, the status bar and notifications. */
import * as vscode from 'vscode';
import type { HeaderNote, MomentNote, SteeringCommand, ViewNote } from '../../service/types.js';
import type { Core } from '../core.js';
import { faultOf, type ServiceClient } from '../service/client.js';

/** How often a run is followed again whose service ended. */
const MOST_REOPENS = 3;

export class Follower implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onChanged = this.#changed.event;
  readonly #service: ServiceClient;
  header: HeaderNote | undefined;
  moment: MomentNote | undefined;
  /** Why it can't be followed any more. */
  trouble: string | undefined;
  #openings = 0;
  #closed = false;

  constructor(
    core: Core,
    readonly run: string,
  ) {
    this.#service = core.startService({
      note: (note) => this.#take(note),
      ended: ({ message }) => {
        if (this.#openings <= MOST_REOPENS) void this.#open();
        else this.#lose(message);
      },
    });
    void this.#open();
  }

  async #open(): Promise<void> {
    const opening = ++this.#openings;
    try {
      await this.#service.ask('view.open', { type: 'run', run: this.run });
    } catch (error) {
      if (opening === this.#openings) this.#lose(faultOf(error).message);
    }
  }

  /** @throws ServiceError as the run refuses it. */
  async tell(command: SteeringCommand): Promise<void> {
    await this.#service.ask('view.tell', command);
  }

  dispose(): void {
    this.#closed = true;
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
    if (this.#closed) return;
    this.trouble = why;
    this.#changed.fire(undefined);
  }
}
