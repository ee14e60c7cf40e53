// Bundles the command and the library into dist/, with the library's types beside them.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

mkdirSync('dist', { recursive: true });
for (const name of readdirSync('dist')) {
  if (/\.js(\.map)?$/.test(name)) rmSync(`dist/${name}`);
}
rmSync('dist/types', { recursive: true, force: true });

// The doors share their code (splitting), so that an error's class is the same behind each.
const doors = ['engine', 'hypervisor', 'nbd', 'probe'];
const common = {
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // What jsonc-parser calls `main` requires its parts in a way that can't be bundled.
  mainFields: ['module', 'main'],
  sourcemap: true,
  logLevel: 'warning',
};
await build({
  ...common,
  entryPoints: {
    main: 'src/cli/main.ts',
    'engine-process': 'src/cli/engine-main.ts',
    'simulated-host': 'src/lab/simulated-main.ts',
    errors: 'src/base/errors.ts',
    clock: 'src/base/clock.ts',
    ...Object.fromEntries(doors.map((door) => [door, `src/${door}/index.ts`])),
  },
  splitting: true,
  chunkNames: 'shared-[hash]',
  banner: {
    // Bundled CommonJS dependencies call require for Node's own modules.
    js: "import { createRequire as migrascopeRequire } from 'node:module'; const require = migrascopeRequire(import.meta.url);",
  },
});
// The guardian is whole in itself: it starts quickly, and needs no other file later.
await build({ ...common, entryPoints: { guardian: 'src/engine/guardian/main.ts' } });
writeFileSync('dist/cli.js', "#!/usr/bin/env node\nimport './main.js';\n");
chmodSync('dist/cli.js', 0o755);
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json'], {
  stdio: 'inherit',
});
