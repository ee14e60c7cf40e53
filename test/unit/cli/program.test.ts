import { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LabError } from '../../../src/base/errors.js';
import { KEYS } from '../../../src/cli/control.js';
import { EXIT_CODES } from '../../../src/cli/exit-codes.js';
import { runCommandLine } from '../../../src/cli/program.js';
import { FakeWorld } from './fake-world.js';

async function run(args: string[], commands: Command[] = []) {
  const world = new FakeWorld();
  const code = await runCommandLine(args, {
    world,
    version: '1.2.3',
    commands: commands.map((each) => () => each),
  });
  return { code, out: world.stdout.text, err: world.stderr.text };
}

describe('the command line', () => {
  it('tells its version', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, out: '1.2.3\n', err: '' });
  });

  it.each([['--help'], ['migrate', '--help'], ['map', '--help']])(
    'has help with examples and exit codes: %s %s',
    async (...args) => {
      const { code, out, err } = await run(args);
      expect(code).toBe(0);
      expect(err).toBe('');
      expect(out).toContain('Examples:\n  migrascope ');
      for (const { meaning } of EXIT_CODES) expect(out).toContain(meaning);
    },
  );

  it.each([
    [['nonsense'], "migrascope: unknown command 'nonsense'"],
    [['map'], "migrascope: missing required argument 'host'"],
    [['map', 'h', '--nonsense'], "migrascope: unknown option '--nonsense'"],
    [['map', 'a', 'b', 'c'], 'migrascope: too many arguments'],
    [['migrate', 'h', 'd'], "migrascope: required option '--to <destination>'"],
    [
      ['migrate', 'h', 'd', '--to', 'file:/x', '--policy', 'x'],
      "migrascope: --policy: there is no policy 'x'.",
    ],
  ])('refuses %j with exit code 2', async (args, start) => {
    const { code, err } = await run(args);
    expect(code).toBe(2);
    expect(err.startsWith(start)).toBe(true);
  });

  it('shows its help where nothing is asked, as wrong usage', async () => {
    const { code, err } = await run([]);
    expect(code).toBe(2);
    expect(err).toContain('Usage: migrascope');
  });

  it('gives further commands the same errors and exit codes', async () => {
    const lab = new Command('lab').addCommand(
      new Command('up').action(() =>
        Promise.reject(new LabError('No kernel.', { hint: 'Get one.' })),
      ),
    );
    expect(await run(['lab', 'up'], [lab])).toEqual({
      code: 1,
      out: '',
      err: 'migrascope: No kernel.\n  hint: Get one.\n',
    });
    expect((await run(['lab', 'up', '--x'], [lab])).code).toBe(2);
  });
});

describe('docs/command.md', () => {
  const file = new URL('../../../docs/command.md', import.meta.url);
  const text = readFileSync(file, 'utf8').replace(/ +/g, ' ');

  it('has the exit codes of the program', () => {
    for (const { code, meaning } of EXIT_CODES) expect(text).toContain(`| ${code} | ${meaning} |`);
  });

  it('has the keys of the program', () => {
    for (const { keys, action } of KEYS) expect(text).toContain(`| ${keys} | ${action} |`);
  });

  it('has every option of every command', async () => {
    for (const command of ['migrate', 'map', 'attach', 'resume', 'recover']) {
      const { out } = await run([command, '--help']);
      const options = [...out.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, option]) => option!);
      expect(options.length).toBeGreaterThan(2);
      for (const option of options) expect(text).toContain(`\`${option}`);
    }
  });
});
