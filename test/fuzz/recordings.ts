/** All recorded exchanges; scripts/record-exchanges.ts makes them anew. */
import agent from './recordings/agent.json' with { type: 'json' };
import control from './recordings/control.json' with { type: 'json' };
import events from './recordings/events.json' with { type: 'json' };
import guardian from './recordings/guardian.json' with { type: 'json' };
import journal from './recordings/journal.json' with { type: 'json' };
import nbdSimple from './recordings/nbd-nbdkit-simple.json' with { type: 'json' };
import nbdQemuNbd from './recordings/nbd-qemu-nbd.json' with { type: 'json' };
import nbdQemu from './recordings/nbd-qemu.json' with { type: 'json' };
import nbdRefused from './recordings/nbd-refused.json' with { type: 'json' };
import probe from './recordings/probe.json' with { type: 'json' };
import qmp from './recordings/qmp.json' with { type: 'json' };
import type { NbdRecording } from './nbd-recording.js';
import type { Recording } from './recording.js';

export const recordings = { agent, control, events, guardian, journal, probe, qmp } as Readonly<
  Record<'agent' | 'control' | 'events' | 'guardian' | 'journal' | 'probe' | 'qmp', Recording>
>;

export const nbdRecordings = [
  nbdQemu,
  nbdQemuNbd,
  nbdSimple,
  nbdRefused,
] as readonly NbdRecording[];
