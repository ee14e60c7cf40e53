/** A few seconds of what `npm run fuzz` does for minutes. */
import { describe, expect, it } from 'vitest';
import { campaign } from '../../fuzz/harness/campaign.js';
import { formatFailure } from '../../fuzz/harness/report.js';
import { targets } from '../../fuzz/targets/index.js';

const SEED = 1;

describe('whatever a peer says', () => {
  it.each(targets)('$name ends, refuses by a typed error, and holds nothing', async (target) => {
    const inputs = Math.ceil(60 * Math.min(target.share, 5));
    const outcome = await campaign(target, { inputs, seed: SEED });
    expect(formatFailure(outcome, SEED)).toBe('');
    expect(outcome.inputs).toBe(inputs);
    expect(outcome.verdicts.get('taken'), 'inputs that were taken').toBeGreaterThan(0);
  });
});
