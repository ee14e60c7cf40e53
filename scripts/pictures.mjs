/**
 * Pictures of every view, from real runs in a real VS Code:
 *
 *   npm run pictures [-- LOOK …] [--keep]
 *
 * They are written to .vscode-host/pictures/LOOK. With --keep those that the README and the walkthrough
 * show are taken over into media/.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';

const LOOKS = ['light', 'dark', 'contrast', 'chinese'];
/** Pictures of the dark look that are shown, and where. */
const SHOWN = [
  ...['start', 'map', 'migrate', 'step', 'see'].map((name) => [
    name,
    `media/walkthrough/${name}.png`,
  ]),
  ['step', 'media/vscode.png'],
];

const args = process.argv.slice(2);
const keep = args.includes('--keep');
const looks = args.filter((arg) => arg !== '--keep');
const unknown = looks.filter((look) => !LOOKS.includes(look));
if (unknown.length > 0 || (keep && looks.length > 0 && !looks.includes('dark'))) {
  console.error(`Looks are ${LOOKS.join(', ')}; --keep takes those of dark.`);
  process.exit(2);
}
const wanted = looks.length > 0 ? looks : LOOKS;
for (const command of [
  ['scripts/vscode-host.mjs'],
  ['node_modules/vitest/vitest.mjs', 'run', '--project', 'pictures'],
]) {
  const env = { ...process.env, MIGRASCOPE_LOOKS: wanted.join(',') };
  const { status } = spawnSync(process.execPath, command, { stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
}
for (const look of wanted) console.log(`.vscode-host/pictures/${look}`);
if (keep)
  for (const [name, path] of SHOWN) copyFileSync(`.vscode-host/pictures/dark/${name}.png`, path);
