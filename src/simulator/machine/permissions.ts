/**
 * Who may do what with a block node, as QEMU has it: each parent says what it needs and what it lets
 * others do. Two parents conflict where one needs what another does not let be.
 */
import { refusal } from '../qmp/index.js';

/** A set of permissions, in QEMU's order. */
export type Permissions = number;

export const CONSISTENT_READ = 1;
export const WRITE = 2;
export const WRITE_UNCHANGED = 4;
export const RESIZE = 8;
export const ALL_PERMISSIONS = CONSISTENT_READ | WRITE | WRITE_UNCHANGED | RESIZE;

const names: readonly (readonly [Permissions, string])[] = [
  [CONSISTENT_READ, 'consistent read'],
  [WRITE, 'write'],
  [WRITE_UNCHANGED, 'write unchanged'],
  [RESIZE, 'resize'],
];

/** As QEMU's messages list them. */
export function permissionNames(permissions: Permissions): string {
  return names
    .filter(([bit]) => (permissions & bit) !== 0)
    .map(([, name]) => name)
    .join(', ');
}

/** As query commands list them. */
export function permissionList(permissions: Permissions): string[] {
  return names
    .filter(([bit]) => (permissions & bit) !== 0)
    .map(([, name]) => name.replace(' ', '-'));
}

/** One who uses a block node. */
export interface NodeUser {
  /** As QEMU calls it in messages, e.g. `an unnamed block device`. */
  readonly description: string;
  /** What the node is to it. */
  readonly role: 'root' | 'file' | 'backing' | 'source' | 'target' | 'main node';
  readonly permissions: Permissions;
  /** What others may do meanwhile. */
  readonly shared: Permissions;
  /** What kind of entry it is in the block graph. */
  readonly kind: 'block-backend' | 'block-job' | 'block-driver';
  /** Its name there. */
  readonly name: string;
}

/** What all users of a node need, and what all of them share. */
export function cumulative(users: readonly NodeUser[]): {
  readonly permissions: Permissions;
  readonly shared: Permissions;
} {
  return {
    permissions: users.reduce((all, user) => all | user.permissions, 0),
    shared: users.reduce((all, user) => all & user.shared, ALL_PERMISSIONS),
  };
}

/**
 * @param users of the node, the newest first.
 * @throws QmpCommandError when two of them conflict.
 */
export function requireNoConflict(node: string, users: readonly NodeUser[]): void {
  for (const one of users) {
    for (const other of users) {
      const refused = other.permissions & ~one.shared;
      if (one === other || refused === 0) continue;
      const use = ({ description, role }: NodeUser): string =>
        `${description} (uses node '${node}' as '${role}' child)`;
      throw refusal(
        `Permission conflict on node '${node}': permissions '${permissionNames(refused)}' are both required by ${use(other)} and unshared by ${use(one)}.`,
      );
    }
  }
}
