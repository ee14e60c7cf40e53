/** What the query commands tell of block nodes (qapi/block-core.json). */
import type { JsonObject } from '../qmp/index.js';
import type { BlockGraph } from './block-graph.js';
import type { BlockNode } from './block-node.js';
import type { VirtioDisk } from './disk.js';
import { permissionList } from './permissions.js';

/** QAPI `BlockDeviceInfo`. */
export function describeNode(node: BlockNode): JsonObject {
  const { name, size, options, bitmaps, readOnly } = node;
  const qcow2 = options.driver === 'qcow2' ? { 'cluster-size': 65_536 } : {};
  const throttle = ['bps', 'bps_rd', 'bps_wr', 'iops', 'iops_rd', 'iops_wr'];
  return {
    ...Object.fromEntries(throttle.map((limit) => [limit, 0])),
    detect_zeroes: options.detectZeroes,
    image: {
      'virtual-size': size,
      filename: options.filename,
      ...qcow2,
      format: options.driver,
      'dirty-flag': false,
    },
    ro: readOnly,
    'node-name': name,
    backing_file_depth: 0,
    drv: options.driver,
    write_threshold: 0,
    encrypted: false,
    cache: { 'no-flush': options.noFlush, direct: options.direct, writeback: true },
    file: options.filename,
    ...(bitmaps.length > 0 ? { 'dirty-bitmaps': bitmaps.map(describeBitmap) } : {}),
  };
}

/** QAPI `BlockDirtyInfo`. */
function describeBitmap(bitmap: BlockNode['bitmaps'][number]): JsonObject {
  return {
    name: bitmap.name,
    recording: bitmap.recording,
    persistent: bitmap.persistent,
    busy: bitmap.users > 0,
    granularity: bitmap.granularity,
    count: bitmap.dirtyBytes,
  };
}

/** As query-named-block-nodes: the newest first. */
export function queryNodes(graph: BlockGraph): JsonObject[] {
  return [...graph.nodes].reverse().map(describeNode);
}

/** As query-block. */
export function queryBlock(disks: readonly VirtioDisk[]): JsonObject[] {
  return disks.map(({ qdev, root }) => ({
    'io-status': 'ok',
    device: '',
    locked: false,
    removable: false,
    inserted: describeNode(root),
    qdev,
    type: 'unknown',
  }));
}

/** As x-debug-query-block-graph. */
export function queryGraph(graph: BlockGraph): JsonObject {
  const ids = new Map<object | string, number>();
  const entries: JsonObject[] = [];
  const idOf = (key: object | string, type: string, name: string): number => {
    const known = ids.get(key);
    if (known !== undefined) return known;
    const id = ids.size + 1;
    ids.set(key, id);
    entries.push({ id, type, name });
    return id;
  };
  const edges: JsonObject[] = [];
  for (const node of graph.nodes) idOf(node, 'block-driver', node.name);
  for (const node of graph.nodes) {
    for (const user of node.users) {
      const own = user.kind === 'block-driver' ? graph.find(user.name) : undefined;
      const key = own ?? (user.name === '' ? user : `${user.kind} ${user.name}`);
      edges.push({
        name: user.role,
        parent: idOf(key, user.kind, user.name),
        child: ids.get(node)!,
        perm: permissionList(user.permissions),
        'shared-perm': permissionList(user.shared),
      });
    }
  }
  return { nodes: entries, edges };
}
