// Everything that is tested, set-up included. With --matrix, all combinations instead of CI's selection.
// With MIGRASCOPE_SKIP_NOTHING=1, whatever would be skipped is a failure.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installMissing } from './system-packages.mjs';
import { vscodeHostObstacle } from './vscode-host.mjs';

const strict = process.env.MIGRASCOPE_SKIP_NOTHING === '1';
const matrix = process.argv.includes('--matrix');
const folder = mkdtempSync(join(tmpdir(), 'migrascope-test-'));
const totals = { passed: 0, failed: 0, skipped: 0 };

/** A step that either works or counts as one failed test. */
function step(name, command, ...args) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  return counted(status);
}

/** The same, beside what follows and giving way to it; what it prints is shown when it is awaited. */
function stepBeside(name, command, ...args) {
  const child = spawn('nice', ['-n', '19', command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(`${error}`));
    child.once('close', resolve);
  });
  return async () => {
    const status = await ended;
    console.log(`\n== ${name}\n${said}`);
    return counted(status);
  };
}

function counted(status) {
  if (status === 0) totals.passed++;
  else totals.failed++;
  return status === 0;
}

function skip(what, why) {
  console.log(`\nSkipped: ${what}, for want of ${why}.`);
  totals.skipped++;
}

function vitest(...projects) {
  console.log(`\n== Tests: ${projects.join(', ')}`);
  const report = join(folder, `${projects.join('-')}.json`);
  const { status } = spawnSync(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      ...projects.flatMap((project) => ['--project', project]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    { stdio: 'inherit', env: { ...process.env, ...(matrix ? { MIGRASCOPE_MATRIX: '1' } : {}) } },
  );
  let counts;
  try {
    counts = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    totals.failed++;
    return;
  }
  totals.passed += counts.numPassedTests;
  totals.failed += counts.numFailedTests;
  totals.skipped += counts.numPendingTests + counts.numTodoTests;
  // A file that does not load, or an error outside a test, fails the run without a failed test.
  if (status !== 0 && counts.numFailedTests === 0) totals.failed++;
}

const missing = installMissing();
step('Build', 'npm', 'run', '--silent', 'build');
const guestBuilt =
  missing.length === 0 && step('Build for the guest', 'npm', 'run', '--silent', 'build:guest');
const obstacle = missing.length > 0 ? missing.join(', ') : vscodeHostObstacle();
const setUp = obstacle ? undefined : stepBeside('VS Code', 'node', 'scripts/vscode-host.mjs');
vitest('unit', 'rules');
if (setUp && guestBuilt && (await setUp())) vitest('vscode');
else skip('all tests in VS Code', obstacle ?? 'what failed above');
// Guests mostly wait, so there is time for it.
const checked = stepBeside(
  'Types, lint, format, generated files',
  'npm',
  'run',
  '--silent',
  'check',
);
if (guestBuilt) vitest('qemu');
else skip('all tests on QEMU', missing.length > 0 ? missing.join(', ') : 'what failed above');
await checked();
rmSync(folder, { recursive: true, force: true });

if (strict && totals.skipped > 0) {
  console.log('\nNothing may be skipped here (MIGRASCOPE_SKIP_NOTHING=1).');
  totals.failed++;
}
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 ? 1 : 0;
