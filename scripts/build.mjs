// Bundles the command and the library into dist/, with the library's types beside them.
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';

// Bundled CommonJS dependencies call require for Node's own modules.
const requireForBundled =
  "import { createRequire as migrascopeRequire } from 'node:module'; const require = migrascopeRequire(import.meta.url);";

const shared = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
  outdir: 'dist',
};

await rm('dist/types', { recursive: true, force: true });
await build({
  ...shared,
  entryPoints: { cli: 'src/cli/main.ts' },
  banner: { js: `#!/usr/bin/env node\n${requireForBundled}` },
});
await build({
  ...shared,
  entryPoints: { engine: 'src/engine/index.ts' },
  banner: { js: requireForBundled },
});
chmodSync('dist/cli.js', 0o755);
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json'], {
  stdio: 'inherit',
});
