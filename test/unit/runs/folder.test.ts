import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  createRunFolder,
  listRuns,
  longestSocketPath,
  openRunFolder,
  runsRoot,
} from '../../../src/engine/runs/index.js';
import { testFolder } from './support.js';

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe('the folder of runs', () => {
  test('follows the environment', () => {
    expect(runsRoot({ MIGRASCOPE_STATE: '/s', XDG_STATE_HOME: '/x' })).toBe('/s/runs');
    expect(runsRoot({ XDG_STATE_HOME: '/x', HOME: '/h' })).toBe('/x/migrascope/runs');
    expect(runsRoot({ HOME: '/h' })).toBe('/h/.local/state/migrascope/runs');
  });

  test('is made with all above it for its user alone', async () => {
    const state = join(await testFolder(), 'a', 'b');
    const folder = await createRunFolder(join(state, 'runs'), 'r1');
    expect(folder).toMatchObject({ run: 'r1', path: join(state, 'runs', 'r1') });
    for (const path of [join(state, '..'), state, join(state, 'runs'), folder.path]) {
      expect(await modeOf(path)).toBe(0o700);
    }
    for (const path of [folder.controlSocket, folder.journal, folder.events, folder.log]) {
      expect(path.startsWith(`${folder.path}/`)).toBe(true);
    }
  });

  test.each(['', 'ABC', '../x', 'toolongid', 'a b'])('takes no id "%s"', async (run) => {
    await expect(createRunFolder('/nowhere', run)).rejects.toMatchObject({
      kind: 'usage',
      message: `"${run}" is no id of a run.`,
    });
  });

  test('a run that is there is not made again', async () => {
    const root = await testFolder();
    await createRunFolder(root, 'r1');
    await expect(createRunFolder(root, 'r1')).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^The folder .*r1 can't be made: EEXIST/) as string,
    });
  });

  test('a path that is too long for a unix socket is refused before anything is made', async () => {
    const root = join(await testFolder(), 'x'.repeat(longestSocketPath));
    await expect(createRunFolder(root, 'r1')).rejects.toMatchObject({
      kind: 'limit',
      message: expect.stringMatching(
        /^The control socket .* would have a path of \d+ bytes/,
      ) as string,
    });
    await expect(stat(root)).rejects.toThrow('ENOENT');
  });

  test('one that others can change is refused', async () => {
    const root = await testFolder();
    await chmod(root, 0o777);
    await expect(createRunFolder(root, 'r1')).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('can be changed by others') as string,
    });
  });
});

describe('finding runs', () => {
  test('lists folders that are runs, the oldest first, and none where there is no root', async () => {
    const root = await testFolder();
    await createRunFolder(root, 'zz1');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await createRunFolder(root, 'aa1');
    await mkdir(join(root, 'Not a run'));
    await writeFile(join(root, 'file'), '');
    expect((await listRuns(root)).map(({ run }) => run)).toEqual(['zz1', 'aa1']);
    expect(await listRuns(join(root, 'nothing'))).toEqual([]);
  });

  test('by an id, or its beginning where that is one run', async () => {
    const root = await testFolder();
    for (const run of ['ab', 'abc', 'abd', 'x1']) await createRunFolder(root, run);
    expect((await openRunFolder(root, 'ab')).run).toBe('ab');
    expect((await openRunFolder(root, 'x')).run).toBe('x1');
    expect((await openRunFolder(root, 'abd')).run).toBe('abd');
    await expect(openRunFolder(root, 'a')).rejects.toMatchObject({
      kind: 'usage',
      message: 'Several runs begin with "a": ab, abc, abd.',
    });
    for (const none of ['', 'q', '../x1']) {
      await expect(openRunFolder(root, none)).rejects.toMatchObject({
        kind: 'usage',
        message: `There is no run "${none}".`,
        hint: '`migrascope runs` lists them: ab, abc, abd, x1.',
      });
    }
  });

  test('says so where there is none at all', async () => {
    await expect(openRunFolder(await testFolder(), 'x')).rejects.toMatchObject({
      kind: 'usage',
      hint: '`migrascope runs` lists none.',
    });
  });
});
