// The test levels as vitest projects; CONTRIBUTING.md says what belongs to which.
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes minutes, the slowest first: begun last, they would be waited for alone. */
const SLOW = [
  ...['kill-matrix.test', 'qemu/migrate.test', 'failures-guest', 'probe-session', 'probe-exact'],
  ...['kill/kill.test', 'experiment/scenarios', 'vscode/traces', 'vscode/migration'],
];

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = SLOW.findIndex((name) => moduleId.includes(name));
      return place < 0 ? SLOW.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** Each has a VS Code and a browser of its own, which draws without a graphics card. */
const IN_VSCODE = {
  testTimeout: 180_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 15_000, interval: 100 } },
  maxWorkers: 1,
  sequence: { groupOrder: 1 },
};

export default defineConfig({
  test: {
    maxWorkers: '100%',
    sequence: { sequencer: SlowFirst },
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { name: 'rules', include: ['test/rules/**/*.test.ts'] } },
      { test: { ...IN_VSCODE, name: 'vscode', include: ['test/vscode/**/*.test.ts'] } },
      { test: { ...IN_VSCODE, name: 'pictures', include: ['test/vscode/pictures.ts'] } },
      {
        test: {
          name: 'qemu',
          include: ['test/qemu/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Each boots guests, which mostly wait; with more of them, what is measured would be the machine.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
