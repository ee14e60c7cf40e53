/** The QMP commands on the machine as a whole (qapi/control.json, qapi/misc.json, qapi/run-state.json). */
import { command, refusal } from '../qmp/index.js';
import type { JsonObject, QmpCommand } from '../qmp/index.js';
import { int, optional, str } from '../qmp/types.js';
import type { MachineRunState } from './run-state.js';
import type { MachineHost } from './types.js';

/** As the greeting and query-version tell it. */
export const VERSION: JsonObject = {
  qemu: { micro: 0, minor: 2, major: 7 },
  package: 'Migrascope simulated machine',
};

export interface ControlParts {
  readonly runState: MachineRunState;
  readonly host: Pick<MachineHost, 'pressed'>;
  /** Of the commands that there are. */
  readonly names: () => readonly string[];
  /** Ends QEMU, once the command is answered. */
  readonly quit: () => void;
  readonly emit: (event: string) => void;
}

export function controlCommands({ runState, host, names, quit, emit }: ControlParts): QmpCommand[] {
  return [
    command('query-version', {}, () => VERSION),
    command('query-commands', {}, () =>
      ['qmp_capabilities', ...names()].map((name) => ({ name })).reverse(),
    ),
    command('query-status', {}, () => runState.describe()),
    command('stop', {}, () => runState.pause()),
    command('cont', {}, () => runState.resume()),
    command('system_reset', {}, () => {
      runState.reset();
      host.pressed?.('reset');
    }),
    command('system_powerdown', {}, () => {
      emit('POWERDOWN');
      host.pressed?.('power');
    }),
    command('quit', {}, () => quit()),
    command(
      'human-monitor-command',
      { 'command-line': str, 'cpu-index': optional(int) },
      () => {
        throw refusal('The simulated machine has no human monitor');
      },
      { listed: false },
    ),
  ];
}
