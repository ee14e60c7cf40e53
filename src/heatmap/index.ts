/** The door of the heatmap: what a block's word says. Pure, for every process and for webviews. */
export * from './word.js';
