// Bundles the command and the library into dist/, with the library's types beside them.
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';

const shared = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
  // Bundled CommonJS dependencies call require for Node's own modules.
  banner: {
    js: "import { createRequire as migrascopeRequire } from 'node:module'; const require = migrascopeRequire(import.meta.url);",
  },
};

await rm('dist/types', { recursive: true, force: true });
await build({
  ...shared,
  entryPoints: { cli: 'src/cli/main.ts', engine: 'src/engine/index.ts' },
  outdir: 'dist',
});
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json'], {
  stdio: 'inherit',
});
