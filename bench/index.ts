/** `npm run bench [-- SECTION …]`: figures against real peers in the same run. Prints, never asserts. */
import { run as benchBlockSets } from './block-set.js';
import { benchMemory } from './memory.js';
import { benchPolicies } from './policies.js';
import { benchProbe } from './probe.js';
import { benchSimulatedGuest } from './simulated-guest.js';
import { benchStream } from './stream.js';

const SECTIONS: Record<string, () => Promise<unknown>> = {
  sets: () => benchBlockSets(),
  stream: () => benchStream(),
  memory: () => benchMemory(),
  probe: () => benchProbe('6.12'),
  policies: () => benchPolicies(),
  'simulated-guest': () => benchSimulatedGuest(),
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in SECTIONS));
if (unknown.length > 0) {
  console.error(
    `There is no section ${unknown.join(', ')}; there are ${Object.keys(SECTIONS).join(', ')}.`,
  );
  process.exit(2);
}
for (const [name, section] of Object.entries(SECTIONS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n== ${name}`);
  await section();
}
