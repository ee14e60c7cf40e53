/** NBD URIs: what is read can be written, and is read again as the same. */
import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { formatNbdUri, parseNbdUri } from '../../../src/nbd/index.js';
import type { Random } from '../../unit/support/random.js';
import { wholeOf, type FuzzInput } from '../harness/input.js';
import { must, verdictOf, type FuzzTarget } from '../harness/target.js';
import { mutateBytes } from '../mutate/bytes.js';
import { arbitrary } from '../mutate/turns.js';

const known = [
  'nbd://localhost/disk',
  'nbd://192.0.2.1:10810/',
  'nbd://[2001:db8::1]:10809/a%2Fb',
  'nbd://[fe80::1%25eth0]/disk',
  'nbd+unix:///disk?socket=/run/lab/nbd.sock',
  'nbd+unix:///?socket=%00abstract&x-more=1',
].map((uri) => Buffer.from(uri));

const piece = fc.oneof(
  fc.constantFrom('%', '%00', '%2F', '%3A', '%5D', '%25', '%E2%82%AC', '%ff', '[', ']', ':', '@'),
  fc.constantFrom('?', '&', '=', 'socket', '#', '/', '//', '::1', 'é', '0', '65536', 'x-'),
  fc.string({ maxLength: 4 }),
);
const uris = fc
  .tuple(
    fc.constantFrom('nbd://', 'nbd+unix://', 'nbds://', 'NBD://', 'nbd+vsock://', ''),
    fc.array(piece, { maxLength: 8 }),
    fc.constantFrom('', '/', '/disk', '?socket=/a', '/?socket=/a&socket=/b'),
  )
  .map(([scheme, pieces, end]) => scheme + pieces.join('') + end);

function make(random: Random): FuzzInput {
  const index = random.below(known.length);
  const uri = random.chance(0.6)
    ? mutateBytes(known[index]!, random, known[random.below(known.length)]!)
    : Buffer.from(arbitrary(uris, random));
  return { turns: [uri], cuts: [], ending: 'end' };
}

export const nbdUriTarget: FuzzTarget = {
  name: 'nbd-uri',
  about: 'NBD URIs as people write them',
  share: 20,
  make,
  read: (input) =>
    verdictOf(() => {
      const address = parseNbdUri(wholeOf(input).toString());
      const again = formatNbdUri(address);
      let same: unknown;
      const verdict = verdictOf(() => (same = parseNbdUri(again)));
      must(verdict === 'taken', `${again} was written and can't be read.`);
      must(isDeepStrictEqual(same, address), `${again} is read as something else.`);
    }),
};
