import { describe, expect, test } from 'vitest';
import { parseFromGuardian, parseToGuardian } from '../../../src/engine/guardian/messages.js';

describe('what engine and guardian say', () => {
  test.each([
    { type: 'take', number: 1 },
    { type: 'renew', number: 2 },
    { type: 'release' },
    { type: 'begin', task: { run: 'r1' } },
  ])('the guardian takes %o', (message) => {
    expect(parseToGuardian(JSON.stringify(message))).toEqual(message);
  });

  test.each([
    { type: 'ready', by: 'second' },
    { type: 'ready', by: 'shared', warning: 'w' },
    { type: 'refused', message: 'm' },
    { type: 'held', number: 1 },
    { type: 'lost', message: 'm' },
  ])('the engine takes %o', (message) => {
    expect(parseFromGuardian(JSON.stringify(message))).toEqual(message);
  });

  test.each([
    ['not JSON', '{', 'sent what is not JSON'],
    ['no object', '1', 'sent what is not an object: 1'],
    ['null', 'null', 'sent what is not an object: null'],
    ['nothing known', '{"type":"x"}', 'does not know: {"type":"x"}'],
    ['without its number', '{"type":"renew"}', 'does not know'],
    ['without its number', '{"type":"held","number":1.5}', 'does not know'],
    ['without its task', '{"type":"begin","task":null}', 'does not know'],
    ['without its way', '{"type":"ready"}', 'does not know'],
    ['without its words', '{"type":"lost"}', 'does not know'],
  ])('neither takes what is %s', (_, line, says) => {
    for (const parse of [parseToGuardian, parseFromGuardian]) {
      expect(() => parse(line)).toThrow(says);
    }
  });
});
