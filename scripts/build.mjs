// Bundles the command, the library and the extension into dist/, with the library's types beside them.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

mkdirSync('dist', { recursive: true });
for (const name of readdirSync('dist')) {
  if (/\.c?js(\.map)?$/.test(name)) rmSync(`dist/${name}`);
}
rmSync('dist/webview', { recursive: true, force: true });
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
    service: 'src/service/main.ts',
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
// VS Code loads the extension into its extension host, whose module `vscode` is no file.
await build({
  ...common,
  format: 'cjs',
  entryPoints: { extension: 'src/extension/extension.ts' },
  outExtension: { '.js': '.cjs' },
  external: ['vscode'],
});
await build({
  ...common,
  outdir: 'dist/webview',
  platform: 'browser',
  format: 'iife',
  target: 'es2022',
  minify: true,
  entryPoints: { map: 'webview/map.ts' },
});
for (const name of ['codicon.css', 'codicon.ttf'])
  copyFileSync(`node_modules/@vscode/codicons/dist/${name}`, `dist/webview/${name}`);
writeFileSync('dist/cli.js', "#!/usr/bin/env node\nimport './main.js';\n");
chmodSync('dist/cli.js', 0o755);
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json'], {
  stdio: 'inherit',
});
