/** Real programs as plugins: found by their manifests, started without a shell, ended whatever they do. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/logger.js';
import {
  findPlugins,
  fingerprintOf,
  parseManifest,
  pluginCalled,
  PluginSession,
  processStarter,
  readManifest,
} from '../../../src/plugin/index.js';
import { DESCRIPTION } from './fake-plugin.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migrascope-plugins-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const manifest = (name: string, more: object = {}) =>
  JSON.stringify({ name, roles: ['policy'], command: ['node', 'plugin.mjs'], ...more });

async function put(path: string, text: string): Promise<string> {
  const place = join(folder, path);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'migrascope.plugin.json'), text);
  return place;
}

/** Answers `initialize` with what it was given to see. */
const PROGRAM = `
process.stderr.write('ready');
process.stdin.on('data', (data) => {
  for (const line of String(data).trim().split('\\n')) {
    const { id, method } = JSON.parse(line);
    const roles = ['policy'];
    const plugin = { name: JSON.stringify(Object.keys(process.env).sort()).slice(0, 64), version: process.argv[2] };
    const result = method === 'initialize' ? { protocol: '1.0', plugin, roles, capabilities: {} } : {};
    process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
  }
});
`;

describe('a real program', () => {
  it('is started in its folder, without a shell, with named variables only, and ends', async () => {
    const place = await put('real', manifest('real'));
    await writeFile(join(place, 'plugin.mjs'), PROGRAM);
    const description = {
      ...(await readManifest(place)),
      command: ['node', 'plugin.mjs', '$HOME; *'],
      environment: ['WINDOW'],
    };
    const environment = { PATH: process.env['PATH'], WINDOW: '1', SECRET: '2' };
    const session = await PluginSession.open(description, ['policy'], {
      start: processStarter(environment),
      clock: systemClock,
      logger: silentLogger,
      version: '1',
    });
    expect(session.greeting.plugin).toEqual({ name: '["PATH","WINDOW"]', version: '$HOME; *' });
    expect(await session.end()).toMatchObject({ code: 0 });
    expect(session.log).toBe('ready');
  });

  it('that is not there is told of', async () => {
    const description = { ...DESCRIPTION, folder, command: ['no-such-program'] };
    const parts = {
      start: processStarter(process.env),
      clock: systemClock,
      logger: silentLogger,
      version: '1',
    };
    await expect(PluginSession.open(description, ['policy'], parts)).rejects.toMatchObject({
      kind: 'plugin',
      message: expect.stringMatching(/^The plugin fake can't be started: .*ENOENT/) as string,
    });
  });
});

describe('manifests', () => {
  it('are found in three places, and the named one wins', async () => {
    const named = await put('elsewhere', manifest('twice', { description: 'named' }));
    await put('work/.migrascope/plugins/a', manifest('twice', { description: 'work' }));
    await put('work/.migrascope/plugins/broken', '{');
    await put('config/migrascope/plugins/c', manifest('third', { roles: ['observer'] }));
    const environment = { XDG_CONFIG_HOME: join(folder, 'config') };
    const workingFolder = join(folder, 'work');
    const places = { named: [named], workingFolder, environment };
    const found = await findPlugins(places);
    expect(found.map((each) => ('plugin' in each ? each.plugin.name : each.error.kind))).toEqual([
      'twice',
      'twice',
      'usage',
      'third',
    ]);
    expect(await pluginCalled('twice', 'policy', places)).toMatchObject({ description: 'named' });
    await expect(pluginCalled('third', 'policy', places)).rejects.toThrow(
      'The plugin third is no policy.',
    );
    await expect(pluginCalled('none', 'policy', places)).rejects.toMatchObject({
      kind: 'usage',
      message: "There is no policy called 'none'.",
      hint: 'Plugins that were found: twice, twice.',
    });
  });

  it.each([
    ['{', 'it is not JSON'],
    ['1', 'it is not an object'],
    [manifest('No Name'), "'name' must be"],
    [manifest('a', { roles: ['king'] }), "'roles' must name some of policy,"],
    [manifest('a', { command: [] }), "'command' must be a list"],
    [manifest('a', { command: 'python3 x.py' }), "'command' must be a list"],
    [manifest('a', { environment: [1] }), "'environment' must be a list of names"],
    [manifest('a', { watch: 'x' }), "'watch' must be a list of files"],
    [`${manifest('a')}${' '.repeat(70_000)}`, 'it is longer than 65536 bytes'],
  ])('that are wrong say so: %s', (text, what) => {
    expect(() => parseManifest(text, '/p')).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: expect.stringContaining(
          `The manifest /p/migrascope.plugin.json is wrong: ${what}`,
        ) as string,
      }),
    );
  });

  it('that are not there say so', async () => {
    await expect(readManifest(join(folder, 'nothing'))).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^There is no plugin in /) as string,
    });
  });

  it('have a fingerprint that a change of a file changes', async () => {
    const place = await put('marked', manifest('marked', { watch: ['more.txt'] }));
    const description = await readManifest(place);
    const before = await fingerprintOf(description);
    expect(await fingerprintOf(description)).toBe(before);
    await writeFile(join(place, 'more.txt'), 'x');
    expect(await fingerprintOf(description)).not.toBe(before);
  });
});
