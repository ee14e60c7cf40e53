/** The part of statement 1 that finds the guest's probe, or brings one into the guest. */
import { messageOf } from '../../base/errors.js';
import type { GuestDisk, ProbeAddress } from '../../hypervisor/types.js';
import type { Probe } from '../../probe/types.js';
import type { BlockGeometry } from '../blockset/index.js';
import type { EventBody } from '../events.js';
import { GuestCache } from '../guest-cache.js';
import type { Run } from '../run.js';
import type { Opened } from './prepare.js';

/** The guest's page cache, as far as the policy wants it and the guest lets it be seen. @throws CancelledError only. */
export async function openCache(
  run: Run,
  opened: Opened,
  disk: GuestDisk,
  geometry: BlockGeometry,
): Promise<GuestCache> {
  const wanted = run.planner.usesCache || run.options.trim;
  const probe = wanted ? await connectProbe(run, opened) : undefined;
  const query = { size: disk.size, ...disk.guestIdentity };
  const emit = (event: EventBody) => run.emit(event);
  return new GuestCache(probe, query, geometry, run.parts.clock, emit, withoutProbe(run));
}

function withoutProbe({ planner, options }: Run): string {
  return planner.usesCache && !options.plugin
    ? 'The migration goes on as policy history, without the page cache.'
    : 'The migration goes on without it.';
}

async function connectProbe(run: Run, opened: Opened): Promise<Probe | undefined> {
  const absent = (message: string) => run.emit({ type: 'probe', state: 'absent', message });
  try {
    const there = await run.hypervisor!.probeAddress(run.signal);
    const address = there ?? (await bringProbe(run, opened));
    if (!address) {
      absent(`The guest has no port for a probe, and no agent to start one. ${withoutProbe(run)}`);
      return undefined;
    }
    const probe = await run.parts.connectProbe(address, run.signal);
    const { method, kernel } = probe.info;
    const how = there ? '' : ', and was brought into it by its agent';
    const message = `The guest's probe reports its page cache by ${method}${how}.`;
    run.emit({ type: 'probe', state: 'connected', message, method, kernel });
    return probe;
  } catch (error) {
    run.signal.throwIfAborted();
    absent(`The guest's probe could not be reached: ${messageOf(error)} ${withoutProbe(run)}`);
    return undefined;
  }
}

/** Plugs a port into the guest and has its agent start a probe at it. */
async function bringProbe(run: Run, opened: Opened): Promise<ProbeAddress | undefined> {
  const { parts, signal } = run;
  if (!parts.uploadProbe) return undefined;
  const agent = await run.hypervisor!.guestAgentAddress(signal);
  if (!agent) return undefined;
  opened.probePort = await run.hypervisor!.addProbePort(parts.run, signal);
  await parts.uploadProbe(agent, signal);
  return opened.probePort.address;
}
