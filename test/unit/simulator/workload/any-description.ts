/** Any description that there can be, for tests that take them as they come. */
import fc from 'fast-check';
import type { Step, Where } from '../../../../src/simulator/workload/description.generated.js';

const files = fc.constantFrom('one', 'many', 'fresh');
const size = fc.constantFrom('1 page', '3 pages', '10 KiB', '40 %', '100 %', '0.001 %', '1 GiB');
const sizes = fc.oneof(
  size,
  fc.constantFrom<[string, string]>(['1 page', '9 pages'], ['2 pages', '100 %']),
);
const where = fc.oneof(
  fc.constantFrom<Where>('anywhere', 'in order', 'start'),
  fc.record<{ zipf: number; unit?: string }>(
    { zipf: fc.double({ min: 0, max: 5, noNaN: true }), unit: size },
    { requiredKeys: ['zipf'] },
  ),
  fc.record<{ hot: string; gets: string; unit?: string }>(
    {
      hot: fc.constantFrom('0 %', '10 %', '100 %'),
      gets: fc.constantFrom('0%', '90 %'),
      unit: size,
    },
    { requiredKeys: ['hot', 'gets'] },
  ),
);
const times = fc.integer({ min: 1, max: 5 });
const conditions = {
  each: fc.integer({ min: 1, max: 4 }),
  chance: fc.constantFrom('0 %', '50 %', '100 %'),
};
const optional = { requiredKeys: [] as never[] };
const step: fc.Arbitrary<Step> = fc
  .tuple(
    fc.oneof(
      fc.tuple(
        fc.record({ write: files }),
        fc.record({ where, size: sizes, times, direct: fc.boolean() }, optional),
      ),
      fc.tuple(fc.record({ append: files }), fc.record({ size: sizes, times }, optional)),
      fc.tuple(fc.record({ create: files }), fc.record({ size: sizes }, optional)),
      fc.tuple(fc.record({ read: files }), fc.record({ where, size: sizes, times }, optional)),
      fc.tuple(fc.record({ fsync: files }), fc.record({ after: size }, optional)),
      fc.tuple(fc.record({ fdatasync: files }), fc.record({ after: size }, optional)),
      fc.tuple(fc.record({ truncate: files }), fc.record({ to: size }, optional)),
      fc.tuple(fc.record({ delete: files }), fc.constant({})),
      fc.tuple(fc.constant({ rename: 'fresh', to: 'many' }), fc.constant({})),
    ),
    fc.record(conditions, optional),
  )
  .map(([[verb, rest], more]) => ({ ...verb, ...rest, ...more }));

const writer = fc.record(
  {
    rate: fc.constantFrom('7 operations/s', '300 pages/s', '2 MiB/s', '0 pages/s'),
    every: fc.constantFrom('1 ms', '70 ms', '3 s'),
    phases: fc.constantFrom(
      [{}],
      [
        { from: '1 s', to: '2 s' },
        { from: '3 s', rate: '5 operations/s' },
      ],
    ),
    turnsApart: fc.boolean(),
    pick: fc.constantFrom<Where>(
      'anywhere',
      'in order',
      { zipf: 1 },
      { hot: '20 %', gets: '80 %' },
    ),
    do: fc.array(step, { minLength: 1, maxLength: 4 }),
  },
  { requiredKeys: ['do'] },
);

/** A description of a form that is right; what it asks for may make no sense. */
export const description = fc.array(writer, { maxLength: 3 }).map((writers) => ({
  name: 'any',
  description: 'Any.',
  files: [
    { name: 'one', path: '/mnt/one', size: '12.5 %' },
    { name: 'many', path: '/mnt/many-#', count: 13, together: '20 %' },
    { name: 'fresh', path: '/mnt/fresh-#', count: 13, size: '1 %', laidOut: false },
  ],
  writers: writers.map((one, index) => ({ ...one, name: `writer-${index}` })),
}));
