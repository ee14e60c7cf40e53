/** What states are called. */
import type { LayerName } from '../../src/heatmap/index.js';
import type { Translate } from '../strings.js';

/** The states of a layer in words, in the order of LAYERS. */
export function stateWords(t: Translate, layer: LayerName): readonly string[] {
  switch (layer) {
    case 'migration':
      return [
        t('nothing to send'),
        t('sent once'),
        t('sent again'),
        t('pending'),
        t('in flight'),
        t('deferred'),
        t('differs'),
      ];
    case 'cache':
      return [t('not cached'), t('clean'), t('writeback'), t('dirty')];
    case 'disk':
      return [t('free'), t('allocated'), t('dirty since the round began')];
    case 'frequency':
      return [
        t('never dirty'),
        t('dirty once'),
        t('{0} times', '2–3'),
        t('{0} times', '4–7'),
        t('{0} times', '8–15'),
        t('{0} times', '16+'),
      ];
  }
}

/** The layers in words. */
export function layerWords(t: Translate): readonly (readonly [LayerName | 'blended', string])[] {
  return [
    ['migration', t('Migration')],
    ['cache', t('Guest page cache')],
    ['disk', t('Disk')],
    ['frequency', t('Dirty frequency')],
    ['blended', t('Blended')],
  ];
}
