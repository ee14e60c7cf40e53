/** The door of the experiments: migrations of simulated guests, compared and done again. */
export { compare, type ComparisonRequest, type ComparisonRow } from './compare.js';
export { DISK, Laboratory } from './laboratory.js';
export { boundFor } from './least-writes.js';
export { Recorder, readTrace, type Recording } from './recording.js';
export { recordedBandwidth, replayWith, type Replayed, type ReplayOptions } from './replay.js';
export {
  NEW_IMAGE,
  runScenario,
  type GuestRecipe,
  type Scenario,
  type ScenarioParts,
} from './scenario.js';
export { workloadGuest } from './workload-guest.js';
export { checkPlugin, type Finding } from './conformance/check.js';
