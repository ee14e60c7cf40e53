/** Everything that is fuzzed. A further reader is a file like the others and a line here. */
import type { FuzzTarget } from '../harness/target.js';
import { agentTarget } from './agent.js';
import { requestTarget, serverTarget } from './control.js';
import { controlClientTarget } from './control-client.js';
import { eventLogTarget } from './event-log.js';
import { guardianTarget } from './guardian.js';
import { journalTarget } from './journal.js';
import { linesTarget } from './lines.js';
import { nbdServerTarget } from './nbd-server.js';
import { nbdUriTarget } from './nbd-uri.js';
import { nbdHandshakeTarget, nbdRepliesTarget } from './nbd.js';
import { probeServerTarget } from './probe-server.js';
import { probeTarget, reportTarget } from './probe.js';
import { qmpMessageTarget, qmpTarget } from './qmp.js';
import { qmpServerTarget } from './qmp-server.js';
import { traceTarget } from './trace.js';
import { workloadTarget } from './workload.js';

export const targets: readonly FuzzTarget[] = [
  linesTarget,
  qmpTarget,
  qmpMessageTarget,
  qmpServerTarget,
  nbdHandshakeTarget,
  nbdRepliesTarget,
  nbdServerTarget,
  nbdUriTarget,
  probeTarget,
  reportTarget,
  probeServerTarget,
  agentTarget,
  requestTarget,
  serverTarget,
  controlClientTarget,
  journalTarget,
  guardianTarget,
  eventLogTarget,
  traceTarget,
  workloadTarget,
];
