/** What the probe says of itself; the first phase, reached when the connection is made (protocol/PROBE.md, "Hello"). */
import { ProbeError } from '../base/errors.js';
import { asArray, asCount, asObject, asOptionalText, asText, type Message } from './fields.js';
import type { ProbeDisk, ProbeInfo, ProbeMethod } from './types.js';

/** The major version that this side speaks. */
export const PROTOCOL_MAJOR = 1;

const methods: readonly string[] = ['kcore', 'cachestat', 'mincore'] satisfies ProbeMethod[];

export function isMethod(name: string): name is ProbeMethod {
  return methods.includes(name);
}

/**
 * Reads a hello.
 * @throws ProtocolError when it is not one.
 * @throws ProbeError when the probe speaks another major version, or can't see the page cache.
 */
export function readHello(value: unknown): ProbeInfo {
  const hello = asObject(value, 'a hello');
  const protocol = asText(hello['protocol'], "a hello with a 'protocol'");
  if (Number.parseInt(protocol, 10) !== PROTOCOL_MAJOR)
    throw new ProbeError(
      `The guest's probe speaks version ${protocol} of the protocol, not ${PROTOCOL_MAJOR}.`,
      { hint: 'Use the probe that was built with this version of Migrascope.' },
    );
  const method = asText(hello['method'], "a hello with a 'method'");
  const methodReasons = asArray(hello['methodReasons'], "a hello with 'methodReasons'").map(
    (reason) => asText(reason, 'a reason'),
  );
  if (!isMethod(method))
    throw new ProbeError(
      `The guest's probe finds no way to see the page cache. ${methodReasons.join(' ')}`,
      { hint: 'Start the probe as root, and look whether the kernel is locked down.' },
    );
  return {
    protocol,
    method,
    methodReasons,
    kernel: asText(hello['kernel'], "a hello with a 'kernel'"),
    bootId: asText(hello['bootId'], "a hello with a 'bootId'"),
    dirtyExpireMs: asCount(hello['dirtyExpireMs'], "a hello with a 'dirtyExpireMs'"),
    dirtyWritebackMs: asCount(hello['dirtyWritebackMs'], "a hello with a 'dirtyWritebackMs'"),
    disks: asArray(hello['disks'], "a hello with 'disks'").map((disk) =>
      readDisk(asObject(disk, 'a disk')),
    ),
  };
}

function readDisk(disk: Message): ProbeDisk {
  const serial = asOptionalText(disk['serial'], "a disk with a 'serial'");
  const pci = asOptionalText(disk['pci'], "a disk with a 'pci'");
  return {
    name: asText(disk['name'], "a disk with a 'name'"),
    size: asCount(disk['size'], "a disk with a 'size'"),
    ...(serial === undefined ? {} : { serial }),
    ...(pci === undefined ? {} : { pci }),
  };
}
