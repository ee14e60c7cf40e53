/** A guest that has no port for a probe, but an agent that can start one. */
import { describe, expect, it } from 'vitest';
import { HypervisorError, ProbeError } from '../../../src/base/errors.js';
import { MemoryLab } from '../support/memory-lab.js';
import { eventsOf, migrateInLab } from '../support/migrate-in-lab.js';
import { expectPutBack } from './put-back.js';

const WITH_AGENT = { probe: false, agent: true };

describe('a guest with nothing but an agent', () => {
  it('gets a port and a probe for the run, and loses both at its end', async () => {
    const lab = new MemoryLab(WITH_AGENT);
    const watched = await migrateInLab(lab, { policy: 'cache' });
    expect(watched.error).toBeUndefined();
    expect(watched.summary).toMatchObject({ probe: 'kcore', fallback: false });
    const [told] = eventsOf(watched.events, 'probe');
    expect(told).toMatchObject({ state: 'connected' });
    expect(told?.message).toContain('brought into it by its agent');
    expect(lab.faults.calls.get('probe.upload')).toBe(1);
    expect([...lab.names]).toEqual([]);
  });

  it('is left alone by a policy that does not ask its page cache', async () => {
    const lab = new MemoryLab(WITH_AGENT);
    await migrateInLab(lab, { policy: 'plain' });
    expect(lab.faults.calls.get('hypervisor.addProbePort')).toBeUndefined();
  });

  it.each([
    ['hypervisor.addProbePort', new HypervisorError('The guest has no virtio-serial bus.')],
    ['probe.upload', new ProbeError('The guest agent does not allow guest-exec.')],
    ['probe.connect', new ProbeError('The probe speaks another version.')],
  ] as const)('is moved without the probe when %s fails', async (at, error) => {
    const lab = new MemoryLab(WITH_AGENT);
    lab.faults.add({ at, does: error });
    const watched = await migrateInLab(lab, { policy: 'cache' });
    expect(watched.error).toBeUndefined();
    const [told] = eventsOf(watched.events, 'probe');
    expect(told).toMatchObject({ state: 'absent' });
    expect(told?.message).toMatch(/^The guest's probe could not be reached: /);
    expect([...lab.names]).toEqual([]);
  });

  it('loses the port when the run fails', async () => {
    const lab = new MemoryLab(WITH_AGENT);
    lab.faults.add({ at: 'source.startTracking', does: new HypervisorError('No bitmaps.') });
    expectPutBack(lab, await migrateInLab(lab, { policy: 'cache' }));
  });
});
