/** Runs the suite of test/vscode/host inside the extension host of a real VS Code. */
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { bundleHostSuite } from '../../scripts/host-suite.mjs';
import { startServer } from './support/server.js';
import { Workbench } from './support/workbench.js';

const ROOT = resolve(import.meta.dirname, '../..');
const LIMIT_MS = 110_000;

it('passes the suite inside the extension host', async () => {
  const suite = await bundleHostSuite();
  const server = await startServer({ testDriver: true });
  const remote = (path: string): string => `vscode-remote://${new URL(server.url).host}${path}`;
  const said: string[] = [];
  let exited: (code: number) => void = () => undefined;
  const exit = new Promise<number>((resolve, reject) => {
    exited = resolve;
    setTimeout(() => reject(new Error(`The suite did not end:\n${said.join('\n')}`)), LIMIT_MS);
  });
  let workbench: Workbench | undefined;
  try {
    workbench = await Workbench.open(server, {
      payload: [
        ['extensionDevelopmentPath', remote(ROOT)],
        ['extensionTestsPath', remote(suite)],
      ],
      functions: {
        codeAutomationLog: (_type: string, ...words: unknown[]) => {
          const line = words.flat().join(' ');
          // The extension host says much of its own.
          if (/^(ok|not ok|\d+ passed)\b/.test(line)) said.push(line);
        },
        codeAutomationExit: (code: number) => exited(code),
      },
    });
    expect(await exit, said.join('\n')).toBe(0);
  } finally {
    await workbench?.close();
    await server.stop();
  }
});
