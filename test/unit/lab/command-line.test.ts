import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { labCommand } from '../../../src/cli/lab.js';
import { runCommandLine } from '../../../src/cli/program.js';
import { FakeWorld } from '../cli/fake-world.js';

describe('migrascope lab', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'migrascope-lab-'));
    vi.stubEnv('XDG_RUNTIME_DIR', join(folder, 'run'));
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(...args: string[]) {
    const world = new FakeWorld();
    const commands = [() => labCommand(world)];
    const code = await runCommandLine(['lab', ...args], { world, version: '1', commands });
    return { code, out: world.stdout.text, err: world.stderr.text };
  }

  it.each([['--help'], ['up', '--help'], ['down', '--help'], ['status', '--help']])(
    'has help: %s %s',
    async (...args) => {
      const { code, out, err } = await run(...args);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain('Usage: migrascope lab');
    },
  );

  it.each([
    [['up', '--workload', 'x'], "migrascope: --workload: there is no real workload 'x'."],
    [['up', '--disk', '1GiB'], 'migrascope: --disk is for a simulated guest.'],
    [['up', '--speed', 'x'], "migrascope: --speed: 'x' is not a speed that can be used."],
    [['up', '--filesystem', 'btrfs'], "migrascope: option '--filesystem <type>'"],
    [['up', '--size', 'x'], "migrascope: --size: 'x' is not a size."],
    [['up', '--rate', '-1'], "migrascope: --rate: '-1' is not a number that can be used."],
    [['up', '--name', 'A B'], "migrascope: A lab guest can't be called A B."],
    [['up', '--kernel', '/k'], 'migrascope: --kernel and --initrd go together.'],
    [['down', '../x'], "migrascope: A lab guest can't be called ../x."],
  ])('refuses %j with exit code 2', async (args, start) => {
    const { code, out, err } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.startsWith(start)).toBe(true);
  });

  it('tells that nothing runs', async () => {
    expect(await run('status')).toEqual({ code: 0, out: 'No guest runs.\n', err: '' });
    expect(await run('status', '--json')).toEqual({ code: 0, out: '[]\n', err: '' });
    expect(await run('down')).toEqual({ code: 0, out: 'There is no guest lab.\n', err: '' });
  });
});
