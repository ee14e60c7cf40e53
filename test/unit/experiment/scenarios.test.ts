/** The engine on simulated hosts, in virtual time: hundreds of migrations, and what goes wrong with them. */
import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from '../../../src/simulator/index.js';
import { anyMigration, pick } from './any-migration.js';
import { run, scenarioFor, MiB, type Spoilers } from './support.js';

/** At which event something goes wrong. */
function at(
  random: Random,
  happen: (laboratory: Parameters<NonNullable<Spoilers['onEvent']>>[1]) => void,
): Spoilers {
  const when = random.below(40);
  let seen = 0;
  return {
    onEvent: (_event, laboratory) => {
      if (seen++ === when) happen(laboratory);
    },
  };
}

/** What goes wrong before the switchover, or meanwhile. */
const MISHAPS: Readonly<Record<string, (random: Random) => Spoilers>> = {
  'the probe hangs': (random) =>
    at(random, ({ host }) => {
      if (host.probe) host.probe.faults.hangs = true;
    }),
  'the probe dies': (random) => at(random, ({ host }) => host.probe?.die()),
  'the probe is started anew': (random) => at(random, ({ host }) => host.probe?.restart()),
  'the network breaks': (random) => at(random, ({ host }) => host.network.cut()),
  'the destination dies': (random) => at(random, ({ host }) => void host.killDestination()),
  'a block of the source can not be read': (random) =>
    at(
      random,
      ({ host }) =>
        void host.machine.faults.spoil({
          node: 'disk0',
          offset: random.below(16) * MiB,
          length: 4096,
        }),
    ),
  'the disks are slow': (random) =>
    at(random, ({ host }) => (host.machine.faults.slowness = { requestMs: 20 })),
  'a command is refused': (random) => {
    const command = pick(random, [
      'transaction',
      'block-export-add',
      'stop',
      'blockdev-mirror',
      'job-complete',
      'block-dirty-bitmap-remove',
    ]);
    return at(random, ({ host }) =>
      host.machine.faults.failCommand(command, {
        type: 'refuse',
        description: 'as it was told to',
      }),
    );
  },
  'the NBD server of QEMU dies': (random) =>
    at(random, ({ host }) => void host.machine.killNbdServer()),
};

describe('a simulated guest', () => {
  it.each(Array.from({ length: 120 }, (_, seed) => seed))(
    'is migrated, seed %i: both disks are equal, and nothing is left',
    async (seed) => {
      const asked = anyMigration(createRandom(seed, 'scenarios'));
      const { summary, error } = await run(scenarioFor(asked));
      if (error) expect(error.kind).toBe('not-converged');
      else expect(summary.outcome).toBe('completed');
    },
  );
});

describe.each(Object.entries(MISHAPS))('while %s', (_name, mishap) => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'a migration ends well or not, seed %i, but harms nothing',
    async (seed) => {
      const random = createRandom(seed, _name);
      const asked = anyMigration(random);
      const { error } = await run(scenarioFor(asked), mishap(random));
      expect(error?.message ?? '').not.toMatch(/undefined|unexpected/i);
    },
  );
});

describe('a cancelled migration', () => {
  it.each(Array.from({ length: 30 }, (_, seed) => seed))(
    'leaves nothing, seed %i',
    async (seed) => {
      const random = createRandom(seed, 'cancel');
      const cancel = new AbortController();
      const spoilers = at(random, () => cancel.abort());
      const { summary } = await run(scenarioFor(anyMigration(random)), {
        ...spoilers,
        signal: cancel.signal,
      });
      expect(['completed', 'cancelled', 'failed']).toContain(summary.outcome);
    },
  );
});
