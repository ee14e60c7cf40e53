/** What the service tells of hosts and of guests of the lab, and what it takes to make one. */
import type { Fault } from './words.js';

export interface DiskInfo {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly format: string;
  readonly image: string;
  readonly readOnly: boolean;
}

/** What is known of the guest's probe. */
export type ProbeInfoLook =
  | { readonly state: 'connected'; readonly method: string; readonly kernel: string }
  /** The guest has a port for one; nobody asked it yet. */
  | { readonly state: 'port' }
  | { readonly state: 'absent'; readonly reason: string };

/** One short look at a host. */
export interface HostLook {
  /** What kind of hypervisor, for people, such as `QEMU 7.2.17`. */
  readonly hypervisor: string;
  /** Whether the guest's processors run. */
  readonly running: boolean;
  /** The hypervisor's own word. */
  readonly status: string;
  readonly disks: readonly DiskInfo[];
  readonly probe: ProbeInfoLook;
  /** What a person should know before it is used. */
  readonly warnings: readonly string[];
}

/** A host that was found in the usual places, to be offered. */
export interface FoundHost {
  /** An address, or the name of a lab guest or of the hosts file. */
  readonly host: string;
  readonly kind: 'socket' | 'lab' | 'hosts-file';
  /** Where it was found, for people. */
  readonly detail: string;
  /** Of a hosts file that can't be read: what is wrong with it. */
  readonly fault?: Fault;
}

/** A host of the editor's settings. */
export interface SettingsHost {
  readonly name: string;
  /** Of its monitor, by which it is known everywhere else; empty where it is faulty. */
  readonly address: string;
  /** What is wrong with it. */
  readonly fault?: Fault;
}

export interface LabGuestInfo {
  readonly name: string;
  readonly kind: 'qemu' | 'simulated';
  readonly workload: string;
}

export interface SimulatedGuestRequest {
  /** 1 to 32 characters of `a-z0-9-`. */
  readonly name: string;
  /** A built-in workload, or the path of a description. */
  readonly workload: string;
  /** Bytes. */
  readonly size: number;
  /** Of the page cache, in bytes. */
  readonly memory: number;
  readonly seed: number;
  /** How much faster than real time the guest goes. */
  readonly speed: number;
}
