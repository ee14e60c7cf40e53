/** The door of recovering: what is left of runs that are over, and putting it right. */
export { continueRun, type Continued } from './continue.js';
export { nameOf as nameOfLeftover } from './judge.js';
export { lookAtDeadRun, recoverRun } from './recover.js';
export { judgeStrayRun, removeStray, straysOf, type Stray } from './strays.js';
export type {
  Reached,
  RecoverParts,
  Recovery,
  RecoveryResult,
  Step,
  StepAction,
  StepOutcome,
} from './types.js';
