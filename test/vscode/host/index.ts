/**
 * The suite inside the extension host: VS Code loads this file and calls `run`. It is bundled by
 * scripts/host-suite.mjs, and run in code-server (in-host.test.ts) and by `npm run test:electron`.
 */
import Mocha from 'mocha';
import { defineTests } from './suite.js';

/** Resolves when all tests passed, and rejects with the failures otherwise. */
export function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 60_000 });
  mocha.suite.emit('pre-require', globalThis, '', mocha);
  defineTests();
  return new Promise((resolve, reject) => {
    const failures: string[] = [];
    let passed = 0;
    const runner = mocha.run((failed) => {
      const words = `${passed} passed, ${failed} failed`;
      console.log(words);
      if (failed > 0) reject(new Error(`${words}\n${failures.join('\n')}`));
      else resolve();
    });
    runner.on('pass', (test) => {
      passed++;
      console.log(`ok ${test.fullTitle()}`);
    });
    runner.on('fail', (test, error: Error) => {
      failures.push(`${test.fullTitle()}: ${error.stack ?? error.message}`);
      console.log(`not ok ${failures.at(-1)}`);
    });
  });
}
