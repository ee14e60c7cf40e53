/** The door of the simulated machine. */
export { Faults } from './faults.js';
export type { BadPlace, CommandFault, Slowness } from './faults.js';
export { SimulatedFiles } from './files.js';
export type { FileNames, FilesOptions, MakeImage, SimulatedFile } from './files.js';
export { SimulatedMachine } from './machine.js';
export type { MachineOptions, PortOptions } from './machine.js';
export type { DiskOptions } from './disk.js';
export type {
  ListenPurpose,
  Listener,
  MachineHost,
  NbdService,
  SerialPort,
  SocketAddress,
} from './types.js';
