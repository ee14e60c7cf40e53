import { describe, expect, it } from 'vitest';
import { CancelledError, LabError } from '../../../src/base/errors.js';
import { runTool } from '../../../src/lab/command.js';

const node = (program: string, signal?: AbortSignal) =>
  runTool(process.execPath, ['-e', program], signal ? { signal } : {});

describe('a tool', () => {
  it('gives what it printed, a character for each byte', async () => {
    const printed = await node('process.stdout.write(Buffer.from([0, 128, 255]))');
    expect(printed).toBe('\0\x80\xff');
  });

  it('that is not there names its package', async () => {
    const run = runTool('migrascope-no-such-tool', [], { package: 'some-tools' });
    await expect(run).rejects.toMatchObject({
      kind: 'lab',
      message: 'The lab needs migrascope-no-such-tool, and it is not on this machine.',
      hint: 'On Debian and Ubuntu: apt-get install some-tools',
    });
  });

  it('that fails is quoted with its last lines', async () => {
    const run = node("console.error('a\\nb\\nc\\nd'); process.exit(3)");
    await expect(run).rejects.toBeInstanceOf(LabError);
    await expect(run).rejects.toThrow(/ failed: b c d$/);
  });

  it('is ended when it is cancelled', async () => {
    const cancel = new AbortController();
    const run = node('setInterval(() => {}, 1000)', cancel.signal);
    cancel.abort();
    await expect(run).rejects.toBeInstanceOf(CancelledError);
  });
});
