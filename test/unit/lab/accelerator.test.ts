import { describe, expect, it } from 'vitest';
import { LabError } from '../../../src/base/errors.js';
import { chooseAccelerator } from '../../../src/lab/index.js';

const able = { hasVirtualisation: true, kvmOpens: true };
const noFlag = { hasVirtualisation: false, kvmOpens: true };
const noDevice = { hasVirtualisation: true, kvmOpens: false };

describe('the accelerator', () => {
  it('is KVM where the processor has the flag and the device opens', () => {
    expect(chooseAccelerator('auto', able)).toMatchObject({ accelerator: 'kvm' });
    expect(chooseAccelerator('kvm', able)).toMatchObject({ accelerator: 'kvm' });
  });

  it.each([
    [noFlag, 'TCG, since the processor shows no hardware virtualisation (svm or vmx).'],
    [noDevice, 'TCG, since /dev/kvm can’t be opened for reading and writing.'],
  ])('is TCG, and says why, with %j', (facts, reason) => {
    expect(chooseAccelerator('auto', facts)).toMatchObject({ accelerator: 'tcg', reason });
  });

  it('is TCG where it was asked for', () => {
    const choice = chooseAccelerator('tcg', able);
    expect(choice).toMatchObject({ accelerator: 'tcg', reason: 'TCG was asked for.' });
    expect(choice.args.join(' ')).toBe('-accel tcg,thread=multi -cpu max,-cx16,-la57');
  });

  it.each([noFlag, noDevice])('is refused where KVM was asked for, with %j', (facts) => {
    expect(() => chooseAccelerator('kvm', facts)).toThrow(LabError);
    expect(() => chooseAccelerator('kvm', facts)).toThrow(/^KVM can’t run a guest here: /);
  });
});
