// Bundles the suite that runs inside the extension host; run as a program, also runs it in a VS Code that
// @vscode/test-electron downloads, for contributors who can (the tests themselves use code-server).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @returns the path of the bundle, which exports `run`. */
export async function bundleHostSuite() {
  const outfile = join(root, '.vscode-host/suite/index.cjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['test/vscode/host/index.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    // Found from the bundle's folder, which is inside the repository.
    external: ['vscode', 'mocha'],
    logLevel: 'warning',
  });
  return outfile;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { runTests } = await import('@vscode/test-electron');
  // Short: a socket's path has 107 characters at most.
  const folder = mkdtempSync(join(tmpdir(), 'me-'));
  const folders = ['config', 'data', 'state', 'cache', 'runtime'];
  try {
    process.exitCode = await runTests({
      extensionDevelopmentPath: root,
      extensionTestsPath: await bundleHostSuite(),
      launchArgs: [folder, '--disable-extensions', `--user-data-dir=${join(folder, 'user')}`],
      extensionTestsEnv: Object.fromEntries(
        folders.map((name) => [
          name === 'runtime' ? 'XDG_RUNTIME_DIR' : `XDG_${name.toUpperCase()}_HOME`,
          join(folder, name),
        ]),
      ),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
