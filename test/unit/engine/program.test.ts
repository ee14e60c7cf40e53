/** The order of the program: which statements, how often, and on what they depend. */
import { describe, expect, it } from 'vitest';
import { PROGRAM, runProgram, type Statements } from '../../../src/engine/program.js';
import { MemoryLab } from '../support/memory-lab.js';
import { linesOf, migrateInLab } from '../support/migrate-in-lab.js';

/** Answers to the program's questions, one after another; the last one is given ever after. */
interface Answers {
  readonly roundDone?: readonly boolean[];
  readonly roundsDone?: readonly boolean[];
  readonly pendingFits?: readonly boolean[];
  readonly stillFits?: readonly boolean[];
  readonly switchesOver?: boolean;
}

/** What the program does, as statement numbers and names of what is done. */
async function run(answers: Answers, end?: (line: number) => void): Promise<(string | number)[]> {
  const done: (string | number)[] = [];
  const does = (name: string) => () => {
    done.push(name);
    return Promise.resolve();
  };
  const says = (name: string, list: readonly boolean[] = [true]) => {
    let next = 0;
    return () => {
      done.push(name);
      return list[Math.min(next++, list.length - 1)]!;
    };
  };
  const asks = (name: string, list?: readonly boolean[]) => {
    const say = says(name, list);
    return () => Promise.resolve(say());
  };
  const statements: Statements = {
    connect: does('connect'),
    startTracking: does('startTracking'),
    takeAllocated: does('takeAllocated'),
    beginRound: () => void done.push('beginRound'),
    beginBatch: () => void done.push('beginBatch'),
    askCache: does('askCache'),
    plan: does('plan'),
    sendBatch: does('sendBatch'),
    flip: does('flip'),
    roundDone: says('roundDone', answers.roundDone),
    roundsDone: asks('roundsDone', answers.roundsDone),
    drainAndSendPending: does('drainAndSendPending'),
    pendingFits: asks('pendingFits', answers.pendingFits),
    verifySent: does('verifySent'),
    stillFits: asks('stillFits', answers.stillFits),
    pauseAndSendRest: does('pauseAndSendRest'),
    flushAndCompare: does('flushAndCompare'),
    switchesOver: answers.switchesOver ?? false,
    switchOver: does('switchOver'),
    giveBackRunState: does('giveBackRunState'),
  };
  await runProgram(statements, (line) => {
    end?.(line);
    done.push(line);
    return Promise.resolve();
  });
  return done;
}

const lines = (done: (string | number)[]) => done.filter((each) => typeof each === 'number');

const BATCH = [5, 6, 7, 8, 9, 10];

describe('the program', () => {
  it('does each statement after its gate', async () => {
    expect(await run({ switchesOver: true })).toEqual([
      ...[1, 'connect', 2, 'startTracking', 3, 'takeAllocated'],
      ...[4, 'beginRound', 5, 'beginBatch', 6, 'askCache', 7, 'plan', 8, 'sendBatch'],
      ...[9, 'flip', 10, 'roundDone', 11, 'roundsDone'],
      ...[12, 'drainAndSendPending', 13, 'pendingFits', 14, 'verifySent'],
      ...[15, 'stillFits', 'pauseAndSendRest', 16, 'flushAndCompare'],
      ...[17, 'switchOver', 18, 'giveBackRunState'],
    ]);
  });

  it('leaves out 17 when it is not asked to switch over', async () => {
    expect(lines(await run({}))).toEqual([1, 2, 3, 4, ...BATCH, 11, 12, 13, 14, 15, 16, 18]);
  });

  it('repeats batches, rounds and last rounds', async () => {
    const done = await run({
      roundDone: [false, true],
      roundsDone: [false, true],
      pendingFits: [false, true],
      stillFits: [false, true],
    });
    expect(lines(done)).toEqual([
      ...[1, 2, 3, 4, ...BATCH, ...BATCH, 11, 4, ...BATCH, 11],
      ...[12, 13, 12, 13, 14, 15, 12, 13, 14, 15, 16, 18],
    ]);
  });

  it('ends where a gate says so', async () => {
    const end = (line: number) => {
      if (line === 9) throw new Error('ended');
    };
    await expect(run({}, end)).rejects.toThrow('ended');
  });

  it('has 18 statements', () => {
    expect(PROGRAM).toHaveLength(18);
  });
});

describe.each(['plain', 'history', 'cache'] as const)('the statements of policy %s', (policy) => {
  const quiet = () => new MemoryLab({ writesPerSecond: 0 });

  it('with a pivot, a guest that writes nothing', async () => {
    const watched = await migrateInLab(quiet(), { policy, pivot: true });
    const end = [11, 12, 13, 14, 15, 16, 17, 18];
    expect(linesOf(watched)).toEqual([1, 2, 3, 4, ...BATCH, ...end]);
  });

  it('without a pivot, a guest that writes nothing', async () => {
    const watched = await migrateInLab(quiet(), { policy });
    expect(linesOf(watched)).toEqual([1, 2, 3, 4, ...BATCH, 11, 12, 13, 14, 15, 16, 18]);
  });

  it('in several batches, under a cap', async () => {
    const watched = await migrateInLab(quiet(), { policy, maxBandwidth: 32 * 1024 });
    const round = [...BATCH, ...BATCH, ...BATCH];
    expect(linesOf(watched)).toEqual([1, 2, 3, 4, ...round, 11, 12, 13, 14, 15, 16, 18]);
  });
});
