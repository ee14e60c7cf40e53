/** A guest that was started without a port for the probe, but has qemu-guest-agent. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, MigrationLab } from './support/migration.js';
import { assertNothingLeft } from './support/qemu-leftovers.js';

describe('a guest with nothing but qemu-guest-agent', () => {
  let lab: MigrationLab;
  beforeAll(async () => {
    lab = await MigrationLab.boot({ workload: 'random-rewrite', probe: false, agent: true });
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  it('lends its page cache to a migration, and has nothing of it left afterwards', async () => {
    const watched = await lab.migrate({ policy: 'cache' });
    expect(watched.error).toBeUndefined();
    expect(watched.summary).toMatchObject({
      probe: 'kcore',
      fallback: false,
      switchedOver: true,
      verified: true,
    });
    expect(eventsOf(watched, 'cache').length).toBeGreaterThan(0);
    await assertNothingLeft(lab.monitor);
    expect(await lab.lab.run('ls /dev/virtio-ports')).not.toContain('probe');
    // The probe notices by itself that its port is gone.
    await lab.lab.run(
      'for i in $(seq 100); do ps | grep -q "[m]igrascope-probe" || exit 0; sleep 0.1; done; exit 1',
    );
    expect(await lab.lab.run('ls /run /tmp')).not.toContain('migrascope-probe');
    expect(await lab.lab.verify()).toBeGreaterThan(0);
  });
});
