import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.js';
import { parseMessage } from '../../../src/hypervisor/qemu/qmp-message.js';
import { greeting } from './fake-qmp.js';

describe('parseMessage', () => {
  test('reads the four kinds', () => {
    expect(parseMessage(greeting, 'peer')).toMatchObject({
      type: 'greeting',
      version: { qemu: { major: 7, minor: 2, micro: 22 } },
    });
    expect(parseMessage('{"return": [1], "id": 3}', 'peer')).toEqual({
      type: 'return',
      id: 3,
      value: [1],
    });
    expect(
      parseMessage('{"id": 4, "error": {"class": "GenericError", "desc": "no"}}', 'peer'),
    ).toEqual({ type: 'error', id: 4, errorClass: 'GenericError', description: 'no' });
    expect(parseMessage('{"event": "STOP", "timestamp": {}}', 'peer')).toEqual({
      type: 'event',
      event: 'STOP',
      data: {},
    });
  });

  test.each(['[]', '3', '{}', '{"error": 1}', '{"error": {"class": 1}}', '{"QMP": {}}', 'null'])(
    'refuses %s',
    (line) => {
      expect(() => parseMessage(line, 'peer')).toThrow(
        expect.objectContaining({
          kind: 'protocol',
          message: expect.stringMatching(/^peer sent no message of QMP: /) as string,
        }),
      );
    },
  );

  test('says what was not JSON, in bounds', () => {
    expect(() => parseMessage('x'.repeat(5000), 'peer')).toThrow(
      /^peer sent what is not JSON: "x{80}…"$/,
    );
  });

  test('ends every text in a message or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        try {
          parseMessage(line, 'peer');
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});
