/** The door of progress: what the events of a run say of how far it is, for every view of it. Pure. */
export * from './figures.js';
