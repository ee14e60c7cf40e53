// Everything that is tested, set-up included. With --matrix, all combinations instead of CI's selection.
// With MIGRASCOPE_SKIP_NOTHING=1, whatever would be skipped is a failure.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installMissing } from './system-packages.mjs';

const strict = process.env.MIGRASCOPE_SKIP_NOTHING === '1';
const matrix = process.argv.includes('--matrix');
const folder = mkdtempSync(join(tmpdir(), 'migrascope-test-'));
const totals = { passed: 0, failed: 0, skipped: 0 };

/** A step that either works or counts as one failed test. */
function step(name, command, args) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status === 0) totals.passed++;
  else totals.failed++;
  return status === 0;
}

function vitest(projects) {
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
step('Build', 'npm', ['run', '--silent', 'build']);
step('Types, lint, format, generated files', 'npm', ['run', '--silent', 'check']);
vitest(['unit', 'rules']);
if (missing.length === 0) {
  if (step('Build for the guest', 'npm', ['run', '--silent', 'build:guest'])) vitest(['qemu']);
} else {
  console.log(`\nSkipped: all tests on QEMU, for want of ${missing.join(', ')}.`);
  totals.skipped++;
}
rmSync(folder, { recursive: true, force: true });

if (strict && totals.skipped > 0) {
  console.log('\nNothing may be skipped here (MIGRASCOPE_SKIP_NOTHING=1).');
  totals.failed++;
}
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 ? 1 : 0;
