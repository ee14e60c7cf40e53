/**
 * `npm run bench [-- SECTION … [OPTION …]]`: figures against real peers in the same run. Prints, never
 * asserts. Options are those of the section that is named alone; `--help` tells them.
 */
import { run as benchBlockSets } from './block-set.js';
import { benchMap } from './map.js';
import { benchMemory } from './memory.js';
import { benchModel } from './model.js';
import { benchPlugin } from './plugin.js';
import { benchPolicies } from './policies.js';
import { benchProbe } from './probe.js';
import { benchSimulatedGuest } from './simulated-guest.js';
import { benchStream } from './stream.js';
import { benchView } from './view.js';

const SECTIONS: Record<string, (options: readonly string[]) => Promise<unknown>> = {
  sets: () => benchBlockSets(),
  stream: () => benchStream(),
  memory: () => benchMemory(),
  probe: () => benchProbe('6.12'),
  policies: () => benchPolicies(),
  plugin: () => benchPlugin(),
  model: (options) => benchModel(options),
  'simulated-guest': () => benchSimulatedGuest(),
  view: (options) => benchView(options),
  map: () => benchMap(),
};

const args = process.argv.slice(2);
const firstOption = args.findIndex((each) => each.startsWith('-'));
const asked = firstOption < 0 ? args : args.slice(0, firstOption);
const options = firstOption < 0 ? [] : args.slice(firstOption);
const unknown = asked.filter((name) => !(name in SECTIONS));
if (unknown.length > 0) {
  console.error(
    `There is no section ${unknown.join(', ')}; there are ${Object.keys(SECTIONS).join(', ')}.`,
  );
  process.exit(2);
}
const WITH_OPTIONS = ['model', 'view'];
if (options.length > 0 && (asked.length !== 1 || !WITH_OPTIONS.includes(asked[0]!))) {
  console.error(`Only the sections ${WITH_OPTIONS.join(' and ')} have options, each by itself.`);
  process.exit(2);
}
for (const [name, section] of Object.entries(SECTIONS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n== ${name}`);
  await section(options);
}
