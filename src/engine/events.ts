/** Events of a migration: one schema for live views, `--json` and traces (protocol/events.schema.json). */
import type { MigrationEvent, VerdictEvent } from './events.generated.js';

export type * from './events.generated.js';

/** An event without what the run adds to each. */
export type EventBody = MigrationEvent extends infer E
  ? E extends MigrationEvent
    ? Omit<E, 'seq' | 't'>
    : never
  : never;

/** Whether it converges, as it is said to who has to decide. */
export type Verdict = Omit<VerdictEvent, 'seq' | 't'>;

/** Takes every event of a run, in order. Must not throw, and must not keep the run waiting. */
export type EventSink = (event: MigrationEvent) => void;
