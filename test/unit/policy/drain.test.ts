/** Whether a drain is of what is wanted or of everything. */
import { describe, expect, it } from 'vitest';
import { BlockSet } from '../../../src/engine/blockset/index.js';
import { drainsEverything } from '../../../src/engine/policy/index.js';

const wanted = BlockSet.range(0, 100);

describe('a drain', () => {
  it('is of everything when little else is dirty', () => {
    expect(drainsEverything(wanted, BlockSet.range(20, 100), 0, 4096)).toBe(true);
  });

  it('is of what is wanted when much else is dirty', () => {
    expect(drainsEverything(wanted, BlockSet.range(70, 100), 0, 4096)).toBe(false);
  });

  it('is of what is wanted when much is dirty that has no place yet', () => {
    expect(drainsEverything(wanted, BlockSet.range(0, 100), 26 * 4096, 4096)).toBe(false);
    expect(drainsEverything(wanted, BlockSet.range(0, 100), 25 * 4096, 4096)).toBe(true);
  });

  it('is of what is wanted when nothing of it is dirty', () => {
    expect(drainsEverything(wanted, BlockSet.empty, 0, 4096)).toBe(false);
  });
});
