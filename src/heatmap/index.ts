/** The door of the heatmap: what a block's word says, where cells lie, what colours they have. Pure, for every process and for webviews. */
export * from './colours.js';
export * from './layout.js';
export * from './palette.js';
export * from './word.js';
