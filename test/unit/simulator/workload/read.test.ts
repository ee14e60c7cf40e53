import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWorkload, workloadCalled } from '../../../../src/simulator/workload/index.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migrascope-workload-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('reading a workload from a file', () => {
  it('gives its description', async () => {
    const description = workloadCalled('database');
    const path = await file('my.json', `// mine\n${JSON.stringify(description)}`);
    expect(await readWorkload(path)).toEqual(description);
  });

  it('names the file, line and column of what is wrong', async () => {
    const path = await file('wrong.json', '{\n  "name": 3\n}');
    await expect(readWorkload(path)).rejects.toThrow(`${path}:2:11: "name" must be a text`);
  });

  it.each<[string, () => string | Promise<string>, string]>([
    ['is not there', () => join(folder, 'none.json'), 'there is no such file'],
    ['is a folder', () => folder, 'it is a folder'],
    ['is beneath a file', async () => `${await file('a', '')}/b`, 'a part of the path is not a fo'],
    ['has too long a name', () => join(folder, 'x'.repeat(5000)), 'the path is too long'],
    ['has a name that none can have', () => 'a\0b', 'the path has a character that no path can'],
    ['is not UTF-8', () => file('latin', Buffer.from('"\xe9"', 'latin1')), 'it is not UTF-8 text'],
    ['is no plain file', () => '/dev/zero', 'it is not a plain file'],
    [
      'is too large',
      async () => {
        const path = await file('large', '');
        await truncate(path, 2 ** 40);
        return path;
      },
      'it is larger than 1 MiB',
    ],
    [
      'is a link to itself',
      async () => {
        await symlink('circle', join(folder, 'circle'));
        return join(folder, 'circle');
      },
      'its links lead in a circle',
    ],
  ])('refuses a file that %s', async (_, make, reason) => {
    const path = await make();
    await expect(readWorkload(path)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining(`The workload ${path} can't be read: ${reason}`) as string,
      hint: expect.stringContaining('protocol/WORKLOAD.md') as string,
    });
  });
});
