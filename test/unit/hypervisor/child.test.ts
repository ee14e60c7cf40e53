import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.js';
import { CancelledError } from '../../../src/base/errors.js';
import type { Clock } from '../../../src/base/clock.js';
import { Child } from '../../../src/hypervisor/child.js';

/** As long as it is told to be patient for, it is so for a moment only. */
const impatient: Clock = {
  now: () => systemClock.now(),
  sleep: async (_milliseconds, signal) => {
    await delay(50);
    if (signal?.aborted) throw new CancelledError('Waiting was cancelled.');
  },
};

const node = process.execPath;

describe('Child', () => {
  test('is ended by the end of its input', async () => {
    const child = new Child('cat', []);
    await child.end(systemClock);
    expect(await child.exited).toBe('ended with exit code 0');
    expect(child.succeeded).toBe(true);
    await child.end(systemClock);
  });

  test('is sent TERM when that does not end it', async () => {
    const child = new Child('sleep', ['60']);
    await child.end(impatient);
    expect(await child.exited).toBe('was ended by SIGTERM');
  });

  test('is killed when TERM does not end it', async () => {
    const script =
      'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")';
    const child = new Child(node, ['-e', script]);
    await new Promise((resolve) => child.output.once('data', resolve));
    await child.end(impatient);
    expect(await child.exited).toBe('was ended by SIGKILL');
  });

  test('one that is not installed says so', async () => {
    const child = new Child('no-such-command', []);
    expect(await child.farewell()).toMatch(/^no-such-command could not be started: /);
    expect(child.missing).toBe(true);
    await child.end(systemClock);
  });

  test('says its last words, in bounds', async () => {
    const script = 'console.error("x".repeat(10000) + "\\nlast\\nwords"); process.exit(3)';
    const child = new Child(node, ['-e', script]);
    const farewell = await child.farewell();
    expect(farewell).toMatch(/ended with exit code 3: x+; last; words$/);
    expect(farewell.length).toBeLessThan(5000);
    expect(child.succeeded).toBe(false);
  });

  test('gets only the variables that are passed on', async () => {
    process.env['MIGRASCOPE_TEST_SECRET'] = 'secret';
    try {
      const child = new Child('env', []);
      let text = '';
      child.output.on('data', (chunk: Buffer) => (text += chunk.toString()));
      await child.exited;
      expect(text).toContain('PATH=');
      expect(text).not.toContain('secret');
    } finally {
      delete process.env['MIGRASCOPE_TEST_SECRET'];
    }
  });
});
