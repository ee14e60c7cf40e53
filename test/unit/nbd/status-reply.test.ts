import { describe, expect, it } from 'vitest';
import { StatusReply, type StatusExtents } from '../../../src/nbd/status-reply.js';

function ask(length: number): { reply: StatusReply; answer: Promise<StatusExtents> } {
  let reply!: StatusReply;
  const answer = new Promise<StatusExtents>((resolve, reject) => {
    const request = { command: 7, flags: 0, offset: 0, length };
    const question = { contexts: [3], wanted: 3, exportSize: length, minimumBlock: 1 };
    reply = new StatusReply(request, 'the server', question, { resolve, reject });
  });
  return { reply, answer };
}

describe('the extents of a status reply', () => {
  it('take no memory before they come', () => {
    const { reply } = ask(2 ** 30);
    const before = process.memoryUsage().arrayBuffers;
    reply.begin(3, 2 ** 20);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  });

  it('are kept however many they are', async () => {
    const count = 20_000;
    const { reply, answer } = ask(count);
    reply.begin(3, count);
    for (let index = 0; index < count; index++) reply.addExtent(1, index);
    reply.finish();
    const { values, covered } = await answer;
    expect(covered).toBe(count);
    expect(values.length).toBe(2 * count);
    expect(values.every((value, index) => value === (index % 2 === 0 ? 1 : index >> 1))).toBe(true);
  });
});
