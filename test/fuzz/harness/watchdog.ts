/** Ends the process when a reader loops for ever: nothing within the loop could. */
import { Worker } from 'node:worker_threads';

/** An input that takes longer loops, in milliseconds. */
const PATIENCE_MS = 60_000;

const WATCH = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const places = new Int32Array(workerData.shared);
let seen = '';
setInterval(() => {
  const now = places.join();
  if (now === seen) {
    const [target, number] = places;
    const name = workerData.names[target];
    writeSync(2, '\\nFAILED ' + name + ': input ' + number + ' is read without end.\\n' +
      'Again: npm run fuzz -- --target ' + name + ' --seed ' + workerData.seed + ' --input ' + number + '\\n');
    process.kill(process.pid, 'SIGKILL');
  }
  seen = now;
}, workerData.patience);
`;

/** Tells the watchdog which input is read now. */
export type Tell = (target: number, number: number) => void;

/** @param names of the targets, in the order of their numbers. */
export function startWatchdog(names: readonly string[], seed: number): Tell {
  const shared = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT);
  const places = new Int32Array(shared);
  const workerData = { shared, names, seed, patience: PATIENCE_MS };
  const worker = new Worker(WATCH, { eval: true, workerData });
  worker.unref();
  return (target, number) => {
    places[0] = target;
    places[1] = number;
    places[2] = places[2]! + 1;
  };
}
