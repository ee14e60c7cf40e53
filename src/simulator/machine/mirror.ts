/**
 * The mirror job with `sync: none`: what is written to the source from now on is written to the
 * target too, and on completion whoever has the source has the target.
 */
import { refusal } from '../qmp/index.js';
import type { BlockGraph } from './block-graph.js';
import type { BlockNode } from './block-node.js';
import type { JobWork } from './jobs.js';
import { ALL_PERMISSIONS, CONSISTENT_READ, WRITE, WRITE_UNCHANGED } from './permissions.js';
import type { NodeUser } from './permissions.js';

const BLOCKER = 'block device is in use by block job: mirror';

export interface MirrorOptions {
  readonly id: string;
  readonly graph: BlockGraph;
  readonly source: BlockNode;
  readonly target: BlockNode;
  /** Is called once the users of the one node have the other. */
  readonly swapped: (from: BlockNode, to: BlockNode) => void;
}

/** @throws QmpCommandError when a node can't be had; nothing is held then. */
export function startMirror({ id, graph, source, target, swapped }: MirrorOptions): JobWork {
  if (source.mirror) throw refusal('Need a root block node');
  graph.requireUnblocked(source);
  graph.requireUnblocked(target);
  if (source === target) throw refusal("Can't mirror node into itself");
  const job = { description: `mirror job '${id}'`, kind: 'block-job', name: id } as const;
  const ofSource: NodeUser = {
    ...job,
    role: 'source',
    permissions: CONSISTENT_READ,
    shared: CONSISTENT_READ | WRITE | WRITE_UNCHANGED,
  };
  const ofTarget: NodeUser = { ...job, role: 'target', permissions: 0, shared: ALL_PERMISSIONS };
  const writer: NodeUser = {
    description: 'an unnamed block device',
    kind: 'block-backend',
    name: '',
    role: 'root',
    permissions: WRITE,
    shared: WRITE_UNCHANGED,
  };
  source.attach(ofSource);
  try {
    target.attach(ofTarget, writer);
  } catch (error) {
    source.detach(ofSource);
    throw error;
  }
  source.blockers.add(BLOCKER);
  target.blockers.add(BLOCKER);
  source.mirror = target;
  return {
    type: 'mirror',
    complete: () => {
      target.detach(writer);
      const moved = source.users.filter((user) => user !== ofSource);
      requireMoved(target, moved);
      source.detach(...moved);
      swapped(source, target);
    },
    release: () => {
      source.mirror = undefined;
      source.blockers.delete(BLOCKER);
      target.blockers.delete(BLOCKER);
      source.detach(ofSource);
      target.detach(ofTarget, writer);
    },
  };
}

/** QEMU says why on its standard error only. */
function requireMoved(target: BlockNode, moved: readonly NodeUser[]): void {
  try {
    target.attach(...moved);
  } catch {
    throw refusal('Operation not permitted');
  }
}
