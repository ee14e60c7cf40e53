// Builds what the lab's guest runs beside the probe into dist/lab/: its workload and its control port.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const from = path.join(root, 'guest/lab');
const to = path.join(root, 'dist/lab');
const flags = ['-std=gnu11', '-O2', '-static', '-s', '-Wall', '-Wextra', '-Werror'];

if (spawnSync('musl-gcc', ['-dumpmachine']).status !== 0) {
  console.error('The lab needs musl-gcc: apt-get install musl-tools');
  process.exit(1);
}
mkdirSync(to, { recursive: true });
const compile = (name, sources) =>
  execFileSync(
    'musl-gcc',
    [...flags, '-o', path.join(to, name), ...sources.map((each) => path.join(from, each)), '-lm'],
    { stdio: 'inherit' },
  );
compile('lab-workload', ['workload.c', 'pages.c']);
compile('lab-control', ['control.c']);
copyFileSync(path.join(from, 'init'), path.join(to, 'init'));
