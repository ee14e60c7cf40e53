// The main job, from nothing: boots a busy guest, moves its disk while it runs, and ends it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installMissing } from './system-packages.mjs';

const folder = mkdtempSync(join(tmpdir(), 'migrascope-demo-'));

function run(command, args, options = {}) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
}
const migrascope = (...args) => run(process.execPath, ['dist/cli.js', ...args]);

const missing = installMissing();
if (missing.length > 0) {
  console.error(`The lab can't start without: ${missing.join(', ')}`);
  process.exit(1);
}
run('npm', ['run', '--silent', 'build']);
run('npm', ['run', '--silent', 'build:guest'], { stdio: ['ignore', 'ignore', 'inherit'] });
const workload = process.argv[2] ?? 'zipf-rewrite';
try {
  migrascope('lab', 'up', '--name', 'demo', '--workload', workload, '--size', '512MiB');
  console.log('\nMoving its disk at 20 MiB/s while it runs …\n');
  migrascope(
    'migrate',
    'demo',
    'disk0',
    '--to',
    `file:${folder}/moved.img`,
    '--pivot',
    '--max-bandwidth',
    '20MiB',
  );
} finally {
  migrascope('lab', 'down', 'demo');
  rmSync(folder, { recursive: true, force: true });
}
