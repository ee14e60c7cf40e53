// Packages the extension as migrascope-VERSION.vsix; .vscodeignore says what belongs to it.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';

const MOST_BYTES = 3 * 1024 ** 2;

if (!existsSync('dist/probe/x86_64/migrascope-probe')) {
  console.error('The probe is not built. Run: npm run build:guest');
  process.exit(1);
}
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const file = `migrascope-${version}.vsix`;
execFileSync(
  process.execPath,
  [
    'node_modules/@vscode/vsce/vsce',
    'package',
    '--no-dependencies',
    '--allow-missing-repository',
    '--skip-license',
    '--no-rewrite-relative-links',
    '--out',
    file,
  ],
  {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, npm_config_ignore_scripts: 'true' },
  },
);
const { size } = statSync(file);
console.log(`${file}: ${(size / 1024 ** 2).toFixed(2)} MiB`);
if (size > MOST_BYTES) {
  console.error(`It has more than ${MOST_BYTES} bytes.`);
  process.exit(1);
}
