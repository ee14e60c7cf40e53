import { describe, expect, test } from 'vitest';
import { ConnectionLostError, TimeoutError } from '../../../src/base/errors.js';
import type { Logger } from '../../../src/base/logger.js';
import { Serial, UndoStack } from '../../../src/hypervisor/undo.js';

function recorder(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  return { lines, log: (level, message) => void lines.push(`${level}: ${message}`) };
}

describe('UndoStack', () => {
  test('unmakes newest first, once, and not what was forgotten', async () => {
    const done: number[] = [];
    const stack = new UndoStack(recorder());
    const add = (n: number) => stack.add(`thing ${n}`, () => Promise.resolve(void done.push(n)));
    add(1);
    const second = add(2);
    add(3);
    second.forget();
    await stack.unwind();
    await stack.unwind();
    expect(done).toEqual([3, 1]);
  });

  test('a failure is logged and stops nothing', async () => {
    const logger = recorder();
    const done: string[] = [];
    const stack = new UndoStack(logger);
    stack.add('first', () => Promise.resolve(void done.push('first')));
    stack.add('second', () => Promise.reject(new Error('stuck')));
    await stack.unwind();
    expect(done).toEqual(['first']);
    expect(logger.lines).toEqual(['warn: Removing second failed: stuck']);
  });

  test('what a lost connection keeps from being removed is listed', async () => {
    const logger = recorder();
    const stack = new UndoStack(logger);
    for (const what of ['first', 'second']) {
      stack.add(what, () => Promise.reject(new ConnectionLostError('gone')));
    }
    await stack.unwind();
    expect(logger.lines).toEqual(['warn: The connection is lost; not removed: second, first.']);
  });

  test('a second try is made where there is a new connection', async () => {
    const logger = recorder();
    let tries = 0;
    const stack = new UndoStack(logger, () => Promise.resolve(true));
    stack.add('thing', () => {
      tries += 1;
      return tries === 1 ? Promise.reject(new ConnectionLostError('gone')) : Promise.resolve();
    });
    await stack.unwind();
    expect(tries).toBe(2);
    expect(logger.lines).toEqual([]);
  });

  test('no answer to one ends it: the rest is listed, not waited for', async () => {
    const logger = recorder();
    const stack = new UndoStack(logger);
    stack.add('first', () => Promise.reject(new Error('not to be tried')));
    stack.add('second', () => Promise.reject(new TimeoutError('late')));
    await stack.unwind();
    expect(logger.lines).toEqual([
      'warn: Removing second failed: late',
      'warn: No answer comes; not removed: first.',
    ]);
  });
});

test('Serial runs one task after the other, failures included', async () => {
  const serial = new Serial();
  const order: string[] = [];
  const first = serial.run(async () => {
    order.push('first begins');
    await Promise.resolve();
    order.push('first ends');
    throw new Error('first failed');
  });
  const second = serial.run(() => Promise.resolve(order.push('second')));
  await expect(first).rejects.toThrow('first failed');
  await second;
  expect(order).toEqual(['first begins', 'first ends', 'second']);
});
