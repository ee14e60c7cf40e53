/**
 * The program of a process that recovers a run and is killed in the middle of it: after so many
 * records in the journal, each of which is before what it announces. Arguments: the folder of the
 * runs, the run, the number of records. It ends with 0 when nothing is left.
 */
import { silentLogger } from '../../../src/base/logger.js';
import { recoveryBelow } from '../../../src/reach/index.js';
import { lookAtDeadRun, openRunFolder, recoverRun } from '../../../src/engine/index.js';

const [root, run, records] = process.argv.slice(2) as [string, string, string];
const parts = recoveryBelow(silentLogger, root);
const { signal } = new AbortController();
let left = Number(records);
const mortal: typeof parts = {
  ...parts,
  appendJournal: async (...record) => {
    await parts.appendJournal(...record);
    if (--left === 0) process.kill(process.pid, 'SIGKILL');
  },
};
const folder = await openRunFolder(root, run);
const { steps } = await lookAtDeadRun(folder, mortal, signal);
const agreed = new Set(steps.map(({ action }) => action));
const { complete } = await recoverRun(folder, agreed, mortal, signal);
process.exit(complete ? 0 : 1);
