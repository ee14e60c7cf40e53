/** Which accelerator really runs a guest here. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { LabError } from '../base/errors.js';

export type Accelerator = 'kvm' | 'tcg';

export interface AcceleratorChoice {
  readonly accelerator: Accelerator;
  /** Why, as a sentence. */
  readonly reason: string;
  /** For QEMU. */
  readonly args: readonly string[];
}

/** What is known of the machine; handed in for tests. */
export interface MachineFacts {
  readonly hasVirtualisation: boolean;
  readonly kvmOpens: boolean;
}

/** With plain `-cpu max`, QEMU 7.2 double-faulted a 6.12 kernel. */
const TCG_ARGS = ['-accel', 'tcg,thread=multi', '-cpu', 'max,-cx16,-la57'];
const KVM_ARGS = ['-accel', 'kvm', '-cpu', 'host'];

/** A device that is there is not enough: without the processor's flag a stock kernel dies in it. */
export function machineFacts(): MachineFacts {
  return { hasVirtualisation: cpuHasFlag(), kvmOpens: opens('/dev/kvm') };
}

/**
 * Takes what was asked for, and with `auto` KVM where it really runs a guest.
 * @throws LabError when KVM was asked for and can't be had.
 */
export function chooseAccelerator(
  wanted: 'auto' | Accelerator,
  facts: MachineFacts = machineFacts(),
): AcceleratorChoice {
  const why = !facts.hasVirtualisation
    ? 'the processor shows no hardware virtualisation (svm or vmx)'
    : !facts.kvmOpens
      ? '/dev/kvm can’t be opened for reading and writing'
      : undefined;
  if (wanted === 'kvm' && why)
    throw new LabError(`KVM can’t run a guest here: ${why}.`, {
      hint: 'Use --accel tcg, which is slower and works everywhere.',
    });
  if (wanted === 'tcg' || why)
    return {
      accelerator: 'tcg',
      reason: wanted === 'tcg' ? 'TCG was asked for.' : `TCG, since ${why ?? ''}.`,
      args: TCG_ARGS,
    };
  return { accelerator: 'kvm', reason: 'KVM runs guests here.', args: KVM_ARGS };
}

function cpuHasFlag(): boolean {
  try {
    return /^flags\s*:.*\b(svm|vmx)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}

function opens(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
