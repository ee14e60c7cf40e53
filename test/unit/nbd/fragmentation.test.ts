import { describe, expect, it } from 'vitest';
import type { Payload } from '../../../src/nbd/index.js';
import {
  chunk,
  dataChunk,
  errorOffsetChunk,
  holeChunk,
  join,
  pattern,
  simpleReply,
  statusChunk,
} from './support/bytes.js';
import { connected, rejection, type Fragmenter } from './support/fake-server.js';

const EXPORT = {
  contexts: [['base:allocation', 7]],
  blockSizes: [512, 4096, 2 ** 20],
} as const;

/** A whole session with each kind of message, whose server's bytes arrive as `fragment` cuts them. */
async function session(fragment: Fragmenter): Promise<void> {
  let sent = 0;
  const counting: Fragmenter = (bytes, before) => {
    sent = before + bytes.length;
    return fragment(bytes, before).filter((piece) => piece.length > 0);
  };
  const { server, client } = await connected(EXPORT, {}, counting);
  expect(client.info).toMatchObject({ size: 2 ** 20, minimumBlock: 512, maximumPayload: 2 ** 20 });
  const visits: number[][] = [];
  const [reading, failing, writing, asking] = [
    client.read(0, 1024),
    rejection(client.read(512, 512)),
    client.write(0, [pattern(0, 512)]),
    client.blockStatus('base:allocation', 0, 1024, (...visit) => visits.push(visit)),
  ];
  const cookies: number[] = [];
  while (cookies.length < 4) cookies.push((await server.request()).cookie);
  const [read, fail, write, status] = cookies as [number, number, number, number];
  server.send(
    holeChunk(read, false, 512, 480),
    errorOffsetChunk(fail, false, 5, 600, 'broken'),
    dataChunk(read, false, 992, pattern(992, 32)),
    statusChunk(status, true, 7, [
      [512, 0],
      [512, 3],
    ]),
    simpleReply(write),
    chunk(fail, 0, true),
    holeChunk(read, false, 64, 448),
    dataChunk(read, true, 0, pattern(0, 64)),
  );
  const payload = await reading;
  const disk = join(pattern(0, 64), Buffer.alloc(928), pattern(992, 32));
  expect(bytesOf(payload).equals(disk)).toBe(true);
  payload.release();
  expect((await failing).message).toMatch(/NBD_EIO: broken$/);
  await Promise.all([writing, asking]);
  expect(visits).toEqual([
    [0, 512, 0],
    [512, 512, 3],
  ]);
  client.destroy();
  expect(sent).toBe(LENGTH);
}

function bytesOf(payload: Payload): Buffer {
  return join(
    ...payload.pieces.map((piece) => (piece.hole ? Buffer.alloc(piece.length) : piece.data)),
  );
}

/** What the server sends in a session, in bytes. */
const LENGTH = 515;

describe('a session', () => {
  it('is the same whether its bytes arrive at once or one by one', async () => {
    await session((bytes) => [bytes]);
    await session((bytes) => Array.from(bytes, (_, index) => bytes.subarray(index, index + 1)));
  });

  it('is the same wherever its bytes are cut', { timeout: 60_000 }, async () => {
    for (let cut = 0; cut <= LENGTH; cut++) {
      await session((bytes, before) => {
        const at = Math.min(Math.max(cut - before, 0), bytes.length);
        return [bytes.subarray(0, at), bytes.subarray(at)];
      });
    }
  });
});
