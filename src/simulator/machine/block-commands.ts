/** The QMP commands on block nodes, the NBD server and exports (qapi/block-core.json, block-export.json). */
import { command, commandOf, refusal } from '../qmp/index.js';
import type { QmpCommand } from '../qmp/index.js';
import { bool, list, oneOf, optional, str, uint32, union } from '../qmp/types.js';
import { bitmapOrName } from './bitmap-commands.js';
import type { BlockGraph } from './block-graph.js';
import { queryBlock, queryGraph, queryNodes } from './block-queries.js';
import { blockdevOptions } from './blockdev.js';
import type { Opener } from './blockdev.js';
import { socketAddress } from './device-commands.js';
import type { VirtioDisk } from './disk.js';
import type { BlockExports } from './exports.js';

export interface BlockParts {
  readonly graph: BlockGraph;
  readonly opener: Opener;
  readonly exports: BlockExports;
  readonly disks: readonly VirtioDisk[];
}

/** Connections of an NBD server, unless told. */
const MOST_CONNECTIONS = 100;

const exportOptions = union(
  {
    type: oneOf('nbd'),
    id: str,
    'fixed-iothread': optional(bool),
    iothread: optional(str),
    'node-name': str,
    writable: optional(bool),
    writethrough: optional(bool),
  },
  'type',
  {
    nbd: {
      name: optional(str),
      description: optional(str),
      bitmaps: optional(list(bitmapOrName)),
      'allocation-depth': optional(bool),
    },
  },
);

export function blockCommands({ graph, opener, exports, disks }: BlockParts): QmpCommand[] {
  return [
    commandOf('blockdev-add', blockdevOptions, (args) => void opener.add(args)),
    command('blockdev-del', { 'node-name': str }, (args) => graph.removeByName(args['node-name'])),
    command('query-block', {}, () => queryBlock(disks)),
    command('query-named-block-nodes', { flat: optional(bool) }, () => queryNodes(graph)),
    command('x-debug-query-block-graph', {}, () => queryGraph(graph)),
    command(
      'nbd-server-start',
      {
        addr: socketAddress,
        'tls-creds': optional(str),
        'tls-authz': optional(str),
        'max-connections': optional(uint32),
      },
      async (args) => {
        const { 'tls-creds': credentials, 'max-connections': most = MOST_CONNECTIONS } = args;
        if (credentials !== undefined) {
          throw refusal(`No TLS credentials with id '${credentials}'`);
        }
        await exports.startServer(args.addr, most);
      },
    ),
    command('nbd-server-stop', {}, () => exports.stopServer()),
    commandOf('block-export-add', exportOptions, (args) => exports.add(args)),
    command(
      'block-export-del',
      { id: str, mode: optional(oneOf('safe', 'hard')) },
      ({ id, mode = 'safe' }) => exports.del(id, mode),
    ),
    command('query-block-exports', {}, () => exports.all),
  ];
}
