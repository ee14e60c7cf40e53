/** The QMP commands on dirty bitmaps (qapi/block-core.json, qapi/transaction.json). */
import { command, refusal } from '../qmp/index.js';
import type { QmpCommand } from '../qmp/index.js';
import { bool, list, oneOf, optional, str, stringOr, struct, uint32, union } from '../qmp/types.js';
import type { ValueOf } from '../qmp/types.js';
import { BitmapActions, transaction } from './bitmap-actions.js';
import type { Done } from './bitmap-actions.js';
import type { BlockGraph } from './block-graph.js';

const bitmapName = { node: str, name: str };
const addition = {
  ...bitmapName,
  granularity: optional(uint32),
  persistent: optional(bool),
  disabled: optional(bool),
};
/** A bitmap of the same node by its name, or one of any node. */
export const bitmapOrName = stringOr('BlockDirtyBitmapOrStr', struct(bitmapName));
const merge = { node: str, target: str, bitmaps: list(bitmapOrName) };

const action = union(
  {
    type: oneOf(
      'abort',
      'block-dirty-bitmap-add',
      'block-dirty-bitmap-clear',
      'block-dirty-bitmap-disable',
      'block-dirty-bitmap-enable',
      'block-dirty-bitmap-merge',
      'block-dirty-bitmap-remove',
    ),
  },
  'type',
  {
    abort: { data: struct({}) },
    'block-dirty-bitmap-add': { data: struct(addition) },
    'block-dirty-bitmap-clear': { data: struct(bitmapName) },
    'block-dirty-bitmap-disable': { data: struct(bitmapName) },
    'block-dirty-bitmap-enable': { data: struct(bitmapName) },
    'block-dirty-bitmap-merge': { data: struct(merge) },
    'block-dirty-bitmap-remove': { data: struct(bitmapName) },
  },
);

const properties = struct({ 'completion-mode': optional(oneOf('individual', 'grouped')) });

function act(actions: BitmapActions, { type, data }: ValueOf<typeof action>): Done {
  switch (type) {
    case 'abort':
      throw refusal('Transaction aborted using Abort action');
    case 'block-dirty-bitmap-add':
      return actions.add(data);
    case 'block-dirty-bitmap-clear':
      return actions.clear(data);
    case 'block-dirty-bitmap-disable':
      return actions.disable(data);
    case 'block-dirty-bitmap-enable':
      return actions.enable(data);
    case 'block-dirty-bitmap-merge':
      return actions.merge(data);
    case 'block-dirty-bitmap-remove':
      return actions.remove(data);
  }
}

/** A transaction that is cancelled as a whole has room for jobs only. */
function requireIndividual(mode: string | undefined, type: string): void {
  if (mode !== 'grouped' || type === 'abort') return;
  throw refusal(`Action '${type}' does not support Transaction property completion-mode = grouped`);
}

export function bitmapCommands(graph: BlockGraph): QmpCommand[] {
  const actions = new BitmapActions(graph);
  const alone = (done: () => Done): void => transaction([done]);
  return [
    command('block-dirty-bitmap-add', addition, (args) => alone(() => actions.add(args))),
    command('block-dirty-bitmap-remove', bitmapName, (args) => alone(() => actions.remove(args))),
    command('block-dirty-bitmap-clear', bitmapName, (args) => alone(() => actions.clear(args))),
    command('block-dirty-bitmap-enable', bitmapName, (args) => alone(() => actions.enable(args))),
    command('block-dirty-bitmap-disable', bitmapName, (args) => alone(() => actions.disable(args))),
    command('block-dirty-bitmap-merge', merge, (args) => alone(() => actions.merge(args))),
    command(
      'transaction',
      { actions: list(action), properties: optional(properties) },
      ({ actions: wanted, properties: given }) =>
        transaction(
          wanted.map((each) => () => {
            requireIndividual(given?.['completion-mode'], each.type);
            return act(actions, each);
          }),
        ),
    ),
  ];
}
