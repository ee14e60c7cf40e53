/**
 * The migration as a program: the statements that a person sees and steps through, and the one loop
 * that executes them. `at(line)` is the gate before each statement.
 */

/** A statement of the program; its number is its position, from 1. */
export const PROGRAM: readonly string[] = [
  'connect to the source and the destination; trim, if asked',
  'start dirty tracking',
  'pending := every allocated block; holes := zeroes, unless the destination reads as zeroes',
  'repeat                                      a round',
  '    repeat                                  a batch, about 2 s of sending',
  '        cache := ask the guest for its page cache',
  '        batch := policy(pending, cache, history)',
  '        send batch; compare what earlier ones sent',
  '        flip: pending := (pending − batch) ∪ written meanwhile',
  '    until every pending block is sent or deferred',
  'until what is not deferred fits the downtime limit, or rounds no longer help',
  'repeat: drain what is deferred; send pending; flip',
  'until all that is pending fits the downtime limit',
  're-read the rest of what was sent and not written since; compare',
  'pause the guest; flip a last time; send what is left',
  'flush the destination; compare what was sent while paused',
  'switch over',
  'give the guest back the run state that it had at 15',
];

/** What the statements do; the order and the conditions are here, the doing is elsewhere. */
export interface Statements {
  connect(): Promise<void>;
  startTracking(): Promise<void>;
  takeAllocated(): Promise<void>;
  beginRound(): void;
  beginBatch(): void;
  askCache(): Promise<void>;
  plan(): Promise<void>;
  sendBatch(): Promise<void>;
  flip(): Promise<void>;
  /** Line 10: nothing pending is left in this round but what is deferred. */
  roundDone(): boolean;
  /** Line 11, computed anew after its gate. */
  roundsDone(): Promise<boolean>;
  drainAndSendPending(): Promise<void>;
  /** Line 13, computed anew after its gate. @throws NotConvergedError when nobody wants to go on. */
  pendingFits(): Promise<boolean>;
  verifySent(): Promise<void>;
  /** Line 15, computed anew after its gate: somebody may have stood there for an hour. */
  stillFits(): Promise<boolean>;
  pauseAndSendRest(): Promise<void>;
  flushAndCompare(): Promise<void>;
  /** Whether a switchover was asked for. */
  readonly switchesOver: boolean;
  switchOver(): Promise<void>;
  giveBackRunState(): Promise<void>;
}

/**
 * Executes the program once.
 * @param at resolves when the statement of that number may be executed; rejects to end the program.
 */
export async function runProgram(
  statements: Statements,
  at: (line: number) => Promise<void>,
): Promise<void> {
  await at(1);
  await statements.connect();
  await at(2);
  await statements.startTracking();
  await at(3);
  await statements.takeAllocated();
  await runRounds(statements, at);
  do {
    do {
      await at(12);
      await statements.drainAndSendPending();
      await at(13);
    } while (!(await statements.pendingFits()));
    await at(14);
    await statements.verifySent();
    await at(15);
  } while (!(await statements.stillFits()));
  await statements.pauseAndSendRest();
  await at(16);
  await statements.flushAndCompare();
  if (statements.switchesOver) {
    await at(17);
    await statements.switchOver();
  }
  await at(18);
  await statements.giveBackRunState();
}

/** Lines 4 to 11. */
async function runRounds(
  statements: Statements,
  at: (line: number) => Promise<void>,
): Promise<void> {
  do {
    await at(4);
    statements.beginRound();
    do {
      await at(5);
      statements.beginBatch();
      await at(6);
      await statements.askCache();
      await at(7);
      await statements.plan();
      await at(8);
      await statements.sendBatch();
      await at(9);
      await statements.flip();
      await at(10);
    } while (!statements.roundDone());
    await at(11);
  } while (!(await statements.roundsDone()));
}
