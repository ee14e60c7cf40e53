// Builds the probe of the guest into dist/probe/ARCHITECTURE/migrascope-probe, for each
// architecture whose compiler is there. `--if-possible` makes it no error when none is.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const sourceFolder = path.join(root, 'guest');

const targets = [
  {
    architecture: 'x86_64',
    compilers: ['musl-gcc', 'x86_64-linux-musl-gcc'],
    debian: 'musl-tools',
  },
  {
    architecture: 'aarch64',
    compilers: ['aarch64-linux-musl-gcc', 'aarch64-linux-gnu-gcc'],
    debian: 'gcc-aarch64-linux-gnu',
  },
];

const flags = [
  ...['-std=c11', '-D_GNU_SOURCE', '-Os', '-static'],
  ...['-Wall', '-Wextra', '-Werror', '-Wshadow', '-Wstrict-prototypes', '-Wmissing-prototypes'],
  ...['-Wconversion', '-Wno-sign-conversion', '-Wformat=2', '-Wno-format-nonliteral'],
  ...['-ffunction-sections', '-fdata-sections', '-fstack-protector-strong'],
  ...['-Wl,--gc-sections', '-Wl,-s', '-Wl,-z,noexecstack'],
];

/** musl-gcc compiles for the machine that it runs on. */
function isNative(compiler) {
  return compiler === 'musl-gcc';
}

function machineOf(compiler) {
  const { status, stdout } = spawnSync(compiler, ['-dumpmachine'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim().split('-')[0] : undefined;
}

function findCompiler({ architecture, compilers }) {
  const candidates = [...new Set([...compilers, 'musl-gcc'])];
  return candidates.find(
    (compiler) =>
      machineOf(compiler) === architecture || (!isNative(compiler) && machineOf(compiler)),
  );
}

function build(target, compiler) {
  const folder = path.join(root, 'dist/probe', target.architecture);
  const output = path.join(folder, 'migrascope-probe');
  const sources = readdirSync(sourceFolder)
    .filter((name) => name.endsWith('.c'))
    .map((name) => path.join(sourceFolder, name));
  mkdirSync(folder, { recursive: true });
  execFileSync(compiler, [...flags, '-o', output, ...sources], { stdio: 'inherit' });
  const kilobytes = Math.round(statSync(output).size / 1024);
  console.log(`dist/probe/${target.architecture}/migrascope-probe: ${kilobytes} KiB, ${compiler}`);
}

let built = 0;
for (const target of targets) {
  const compiler = findCompiler(target);
  if (compiler) {
    build(target, compiler);
    built++;
  } else {
    console.log(
      `No compiler for the ${target.architecture} probe. It comes with Debian's package ` +
        `${target.debian}: apt-get install ${target.debian}`,
    );
  }
}
if (built === 0 && !process.argv.includes('--if-possible')) process.exitCode = 1;
