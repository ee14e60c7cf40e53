/** The door of the runs: where they are kept, their journals, and how they stand. */
export {
  createRunFolder,
  listRuns,
  longestSocketPath,
  openRunFolder,
  runFolder,
  runsRoot,
} from './folder.js';
export { appendToJournal } from './append.js';
export { FileJournal, type FileJournalOptions, type JournalFile } from './file-journal.js';
export { forgetRun } from './forget.js';
export { holdRun, type RunLock } from './lock.js';
export { maskSecrets, maskText } from './mask.js';
export { identifyProcess, isSameProcess, processLives } from './process.js';
export { JOURNAL_LIMITS, parseJournal, readJournal, type JournalLimits } from './read-journal.js';
export { formatRecord, largestJournal, longestJournalLine } from './record.js';
export { runStatus } from './status.js';
export type {
  BeginFacts,
  GuardianAct,
  JournalEntry,
  JournalRecord,
  Milestone,
  MilestoneJournal,
  ProcessIdentity,
  RunFolder,
  RunStatus,
  SwitchoverScope,
} from './types.js';
