/** Takes the bytes of a source into its recording, and lets others have their turn meanwhile. */
import type { Clock } from '../../base/clock.js';
import { EventLines } from './event-lines.js';
import { Pace } from './pace.js';
import type { Recording } from './recording.js';

export class Reader {
  readonly #lines = new EventLines();
  readonly #pace: Pace;

  /** @param news is called when there are new events. */
  constructor(
    private readonly recording: Recording,
    clock: Clock,
    private readonly news: () => void,
  ) {
    this.#pace = new Pace(clock);
  }

  /** Whether the bytes so far end in the middle of a line. */
  get torn(): boolean {
    return this.#lines.torn;
  }

  /**
   * Takes the next bytes of the file; their memory must stay as it is.
   * @throws as EventLines.push and Recording.take.
   */
  async take(chunk: Uint8Array): Promise<void> {
    for (const { event, bytes } of this.#lines.push(chunk)) {
      this.recording.take(event, bytes);
      if (!this.#pace.due) continue;
      this.news();
      await this.#pace.breathe();
    }
    this.news();
  }
}
