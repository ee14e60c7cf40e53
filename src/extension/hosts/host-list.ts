/** The hosts that are known, and what the newest look at each said. Looks only at those that were connected. */
import * as vscode from 'vscode';
import type { Fault, FoundHost, HostLook } from '../../service/types.js';
import type { Core } from '../core.js';
import { faultOf } from '../service/client.js';

/** A host, as far as it is known. */
export interface KnownHost {
  /** How a person calls it. */
  readonly name: string;
  /** What is connected to: an address, or a name that the service resolves. */
  readonly target: string;
  readonly origin: 'settings' | FoundHost['kind'];
  /** For people: its address, or what it is busy with. */
  readonly detail: string;
  state: 'disconnected' | 'connecting' | 'connected' | 'busy' | 'failed';
  look?: HostLook;
  fault?: Fault;
}

const LOOK_TIMEOUT_MS = 10_000;

export class HostList implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<KnownHost | undefined>();
  readonly onChanged = this.#changed.event;
  readonly #hosts = new Map<string, KnownHost>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly core: Core) {}

  get hosts(): readonly KnownHost[] {
    return [...this.#hosts.values()];
  }

  /** Settings, the hosts file and the lab; connects nothing. */
  async reload(): Promise<void> {
    const found = await this.core.service.ask('host.find', {}).catch((error: unknown) => {
      void this.core.showError(error);
      return [] as readonly FoundHost[];
    });
    const known: KnownHost[] = [
      ...settingsHosts(this.core),
      ...found
        .filter(({ kind }) => kind !== 'socket')
        .map(({ host, kind, detail }) => ({
          ...{ name: host, target: host, origin: kind, detail },
          state: 'disconnected' as const,
        })),
    ];
    const before = new Map(this.#hosts);
    this.#hosts.clear();
    for (const host of known) {
      const same = before.get(host.name);
      const kept = same?.target === host.target ? same : undefined;
      if (!this.#hosts.has(host.name)) this.#hosts.set(host.name, kept ?? host);
    }
    this.#changed.fire(undefined);
  }

  async connect(host: KnownHost): Promise<void> {
    host.state = 'connecting';
    this.#changed.fire(host);
    await this.#look(host);
    this.#poll();
  }

  disconnect(host: KnownHost): void {
    host.state = 'disconnected';
    delete host.look;
    delete host.fault;
    this.#changed.fire(host);
  }

  /** Looks again at all that are connected, as long as somebody sees them. */
  watch(visible: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (visible) this.#poll();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#changed.dispose();
  }

  #poll(): void {
    clearTimeout(this.#timer);
    const seconds = this.core.setting<number>('refreshSeconds', 5);
    if (seconds <= 0) return;
    this.#timer = setTimeout(() => {
      const looked = this.hosts.filter(
        ({ state }) => !['disconnected', 'connecting'].includes(state),
      );
      void Promise.all(looked.map((host) => this.#look(host))).then(() => {
        if (this.#timer) this.#poll();
      });
    }, seconds * 1000);
  }

  async #look(host: KnownHost): Promise<void> {
    try {
      const look = await this.core.service.ask('host.look', {
        host: host.target,
        timeoutMs: LOOK_TIMEOUT_MS,
      });
      if (host.state === 'disconnected') return;
      const same = host.state === 'connected' && JSON.stringify(host.look) === JSON.stringify(look);
      host.state = 'connected';
      host.look = look;
      delete host.fault;
      if (!same) this.#changed.fire(host);
    } catch (error) {
      if (host.state === 'disconnected') return;
      const fault = faultOf(error);
      host.state = fault.kind === 'monitor-busy' ? 'busy' : 'failed';
      host.fault = fault;
      this.#changed.fire(host);
    }
  }
}

function settingsHosts(core: Core): KnownHost[] {
  const hosts = core.setting<Readonly<Record<string, unknown>>>('hosts', {});
  return Object.entries(hosts).map(([name, address]) => {
    const host = { name, origin: 'settings' as const };
    if (typeof address === 'string' && address !== '')
      return { ...host, target: address, detail: address, state: 'disconnected' as const };
    return {
      ...{ ...host, target: '', detail: '' },
      state: 'failed' as const,
      fault: {
        kind: 'usage' as const,
        message: vscode.l10n.t('The setting migrascope.hosts: "{0}" has no address.', name),
        hint: vscode.l10n.t('Give an address, such as unix:/run/vm.qmp.'),
      },
    };
  });
}
