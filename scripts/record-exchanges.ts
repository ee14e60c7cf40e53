// Records what the fuzzed readers read, from real peers: QEMU, NBD servers, a guest of the lab.
// By hand:  npm run build && npm run build:guest && node scripts/run-ts.mjs scripts/record-exchanges.ts
import { recordGuest } from '../test/fuzz/record/guest.js';
import { recordNbd } from '../test/fuzz/record/nbd.js';
import { Store } from '../test/fuzz/record/store.js';

const store = new Store('test/fuzz/recordings');
await recordNbd(store);
await recordGuest(store);
