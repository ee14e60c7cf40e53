/** The door of the simulated network: connections in memory, and what lies between their ends. */
export { SimulatedNetwork, type NetworkSettings } from './network.js';
export { createPipe, type PipeOptions } from './pipe.js';
