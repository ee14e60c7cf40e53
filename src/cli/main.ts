#!/usr/bin/env node
/** The command `migrascope`. */
import packageJson from '../../package.json' with { type: 'json' };
import { labCommand } from './lab.js';
import { connectionsTo } from './parts.js';
import { runCommandLine } from './program.js';
import { systemWorld } from './system-world.js';

const code = await runCommandLine(process.argv.slice(2), {
  world: systemWorld(connectionsTo),
  version: packageJson.version,
  commands: [labCommand()],
});
for (const stream of [process.stdout, process.stderr]) {
  if (stream.writable) await new Promise((resolve) => stream.write('', resolve));
}
process.exit(code);
