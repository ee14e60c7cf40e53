/** All block nodes of a machine, by their names. */
import { refusal } from '../qmp/index.js';
import type { BlockNode } from './block-node.js';

/** Longest name of a node, in bytes. */
const LONGEST_NODE_NAME = 31;

/** Whether a person may give such a name to a node, a job or an export. */
export function isWellFormed(id: string): boolean {
  return /^[A-Za-z][A-Za-z0-9._-]*$/.test(id);
}

export class BlockGraph {
  readonly #nodes = new Map<string, BlockNode>();
  #made = 0;

  /** In the order in which they were made. */
  get nodes(): readonly BlockNode[] {
    return [...this.#nodes.values()];
  }

  find(name: string): BlockNode | undefined {
    return this.#nodes.get(name);
  }

  /**
   * The node that a command means by `name`.
   * @param device whether the name could be a device's too, for the message.
   * @throws QmpCommandError when there is none.
   */
  lookUp(name: string, device: 'or device' | 'node only'): BlockNode {
    const node = this.#nodes.get(name);
    if (node) return node;
    const named = device === 'or device' ? name : '';
    throw refusal(`Cannot find device='${named}' nor node-name='${name}'`);
  }

  /** A name for a node that nobody named. */
  makeName(): string {
    const number = this.#made++;
    return `#block${number}${String((number * 37) % 100).padStart(2, '0')}`;
  }

  /** @throws QmpCommandError when a node can't have this name. */
  checkName(name: string): void {
    if (!isWellFormed(name)) throw refusal(`Invalid node-name: '${name}'`);
    if (this.#nodes.has(name)) throw refusal(`Duplicate nodes with node-name='${name}'`);
    if (Buffer.byteLength(name) > LONGEST_NODE_NAME) throw refusal('Node name too long');
  }

  add(node: BlockNode): void {
    this.#nodes.set(node.name, node);
  }

  /** Removes a node, and those below it that nobody else has. */
  remove(node: BlockNode): void {
    this.#nodes.delete(node.name);
    node.close();
    const { child } = node.options;
    if (child && !child.options.monitorOwned && child.users.length === 0) this.remove(child);
  }

  /** As blockdev-del. @throws QmpCommandError */
  removeByName(name: string): void {
    const node = this.#nodes.get(name);
    if (!node) throw refusal(`Failed to find node with node-name='${name}'`);
    if (node.hasBackend) throw refusal(`Node ${name} is in use`);
    this.requireUnblocked(node);
    if (!node.options.monitorOwned) throw refusal(`Node ${name} is not owned by the monitor`);
    if (node.users.length > 0) throw refusal(`Block device ${name} is in use`);
    this.remove(node);
  }

  /** @throws QmpCommandError when a job holds it. */
  requireUnblocked(node: BlockNode): void {
    const [reason] = node.blockers;
    if (reason !== undefined) throw refusal(`Node '${node.name}' is busy: ${reason}`);
  }
}
