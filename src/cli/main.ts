/** The command `migrascope`: the entry of its bundle, dist/cli.js, which lies in a folder beside package.json. */
import { readFileSync } from 'node:fs';
import { compareCommand } from './compare.js';
import { demoCommand } from './demo.js';
import { labCommand } from './lab.js';
import { pluginCommand } from './plugin.js';
import { replayCommand } from './replay.js';
import {
  attachToRun,
  connectionsTo,
  forgetRunCalled,
  lookAtRuns,
  recoveryBelow,
  resumeRun,
  startEngine,
} from '../reach/index.js';
import { runCommandLine } from './program.js';
import { systemWorld } from './system-world.js';

/** What is read of package.json. */
interface Manifest {
  readonly version: string;
}

const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
const { version } = JSON.parse(manifest) as Manifest;
const world = systemWorld({
  connections: connectionsTo,
  runs: lookAtRuns,
  forget: forgetRunCalled,
  recovery: recoveryBelow,
  startEngine,
  attach: attachToRun,
  resume: resumeRun,
});
const code = await runCommandLine(process.argv.slice(2), {
  world,
  version,
  commands: [
    (finish) => demoCommand(world, finish),
    () => compareCommand(world),
    (finish) => replayCommand(world, finish),
    () => labCommand(world),
    (finish) => pluginCommand(world, version, finish),
  ],
});
for (const stream of [process.stdout, process.stderr]) {
  if (stream.writable) await new Promise((resolve) => stream.write('', resolve));
}
process.exit(code);
