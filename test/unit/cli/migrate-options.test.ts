import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import type { MigrationOptions } from '../../../src/engine/index.js';
import {
  declareMigrateOptions,
  migrationOptions,
  parseGranularity,
  type MigrateFlags,
} from '../../../src/cli/migrate-options.js';

function parse(...args: string[]): MigrationOptions {
  const command = declareMigrateOptions(new Command()).exitOverride();
  command.configureOutput({ writeErr: () => undefined }).parse(args, { from: 'user' });
  return migrationOptions('disk0', command.opts<MigrateFlags>(), '/home/me');
}

describe('options of migrate', () => {
  it('has the defaults of the engine', () => {
    expect(parse('--to', 'file:/srv/new.img')).toEqual({
      disk: 'disk0',
      destination: { type: 'file', path: '/srv/new.img', format: 'raw', overwrite: false },
      policy: 'cache',
      downtimeLimitMs: 300,
      granularity: 65_536,
      maxRounds: 30,
      verify: 'sent',
      pivot: false,
      trim: false,
    });
  });

  it('takes every option', () => {
    const options = parse(
      ...['--to', 'file:///srv/new.img', '--format', 'qcow2', '--overwrite', '--pivot', '--trim'],
      ...['--policy', 'plain', '--max-bandwidth', '100MiB', '--downtime-limit', '2s'],
      ...['--granularity', '1MiB', '--max-rounds', '5', '--verify', 'full'],
      ...['--cache-direct', 'on', '--discard', 'ignore', '--aio', 'io_uring'],
    );
    expect(options).toMatchObject({
      destination: {
        path: '/srv/new.img',
        format: 'qcow2',
        overwrite: true,
        tuning: { cacheDirect: true, discard: 'ignore', aio: 'io_uring' },
      },
      policy: 'plain',
      maxBandwidth: 104_857_600,
      downtimeLimitMs: 2000,
      granularity: 1_048_576,
      maxRounds: 5,
      verify: 'full',
      pivot: true,
      trim: true,
    });
  });

  it('takes the format from the suffix, and a relative path from the folder', () => {
    expect(parse('--to', 'file:new.qcow2').destination).toMatchObject({
      path: '/home/me/new.qcow2',
      format: 'qcow2',
    });
  });

  it.each(['nbd://host:10809/name', 'nbd+unix:///name?socket=/run/n.sock'])('takes %s', (uri) => {
    expect(parse('--to', uri).destination).toEqual({ type: 'nbd', uri });
  });

  it.each([
    [['--to', '/srv/new.img'], '--to: '],
    [['--to', 'file:'], '--to: '],
    [['--to', 'file://host/x'], '--to: '],
    [['--to', 'http://host/'], '--to: '],
    [['--to', 'file:new.img', '--pivot'], "--to: 'file:new.img' is a relative path"],
    [['--to', 'nbd://host/', '--pivot'], '--pivot: '],
    [['--to', 'file:/new.img', '--aio', 'native'], '--aio is for an image that the guest goes on'],
    [['--to', 'nbd://host/', '--format', 'raw'], '--format does not go'],
    [['--to', 'nbd://host/', '--overwrite'], '--overwrite does not go'],
    [['--to', 'file:/x', '--max-bandwidth', 'fast'], '--max-bandwidth: '],
    [['--to', 'file:/x', '--downtime-limit', '300'], '--downtime-limit: '],
    [['--to', 'file:/x', '--granularity', '3k'], '--granularity: '],
    [['--to', 'file:/x', '--max-rounds', '0'], '--max-rounds: '],
  ] as const)('refuses %j', (args, start) => {
    expect(() => parse(...args)).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: expect.stringMatching(new RegExp(`^${start}`)) as string,
      }),
    );
  });

  it.each([[], ['--to', 'file:/x', '--verify', 'some']])(
    'leaves to commander what it can tell: %j',
    (...args) => {
      expect(() => parse(...(args as string[]))).toThrow(expect.objectContaining({ exitCode: 1 }));
    },
  );

  it.each(['4KiB', '16MiB', '65536'])('takes a granularity of %s', (text) => {
    expect(Math.log2(parseGranularity(text)) % 1).toBe(0);
  });

  it.each(['2KiB', '32MiB', '65537', '0'])('refuses a granularity of %s', (text) => {
    expect(() => parseGranularity(text)).toThrow(/^--granularity: /);
  });
});
