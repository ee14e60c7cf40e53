/** The hosts that are known, and what the newest look at each said. Looks only at those that were connected. */
import * as vscode from 'vscode';
import type { Fault, FoundHost, HostLook, SettingsHost } from '../../service/types.js';
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
  /** The run of this machine that has its monitor. */
  heldBy?: string;
  look?: HostLook;
  fault?: Fault;
}

const LOOK_TIMEOUT_MS = 10_000;

export class HostList implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<KnownHost | undefined>();
  readonly onChanged = this.#changed.event;
  readonly #hosts = new Map<string, KnownHost>();
  /** A monitor serves one client at a time: a host is looked at once at a time. */
  readonly #looking = new Map<KnownHost, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #visible = false;

  /** @param holder the run that has the monitor of a host; it is not looked at meanwhile. */
  constructor(
    private readonly core: Core,
    private readonly holder: (target: string) => string | undefined,
  ) {}

  get hosts(): readonly KnownHost[] {
    return [...this.#hosts.values()];
  }

  /** Settings, the hosts file and the lab; connects nothing. */
  async reload(): Promise<void> {
    const { service, hosts } = this.core;
    const tell = (error: unknown): [] => {
      void this.core.showError(error);
      return [];
    };
    const [own, found] = await Promise.all([
      service.ask('host.settings', { hosts }).catch(tell),
      service.ask('host.find', {}).catch(tell),
    ]);
    const known: KnownHost[] = [
      ...own.map(ofSettings),
      ...found.filter(({ kind }) => kind !== 'socket').map(ofFound),
    ];
    const before = new Map(this.#hosts);
    this.#hosts.clear();
    for (const host of known) {
      const same = before.get(host.name);
      const kept = same && isSame(same, host) ? same : undefined;
      if (!this.#hosts.has(host.name)) this.#hosts.set(host.name, kept ?? host);
    }
    this.#changed.fire(undefined);
  }

  async connect(host: KnownHost): Promise<void> {
    if (isFaulty(host)) return;
    host.state = 'connecting';
    this.#changed.fire(host);
    await this.#look(host);
    this.#poll();
  }

  /** Runs began or ended: those that they had are looked at again, and those that they have are not. */
  async holdersChanged(): Promise<void> {
    const changed = this.#connected().filter((host) => host.heldBy !== this.holder(host.target));
    await Promise.all(changed.map((host) => this.#look(host)));
  }

  disconnect(host: KnownHost): void {
    host.state = 'disconnected';
    delete host.look;
    delete host.fault;
    this.#changed.fire(host);
  }

  /** Looks again at all that are connected, as long as somebody sees them. */
  watch(visible: boolean): void {
    this.#visible = visible;
    this.#poll();
  }

  dispose(): void {
    this.#visible = false;
    clearTimeout(this.#timer);
    this.#changed.dispose();
  }

  #connected(): readonly KnownHost[] {
    return this.hosts.filter(
      (host) => !['disconnected', 'connecting'].includes(host.state) && !isFaulty(host),
    );
  }

  #poll(): void {
    clearTimeout(this.#timer);
    const seconds = this.core.setting<number>('refreshSeconds', 5);
    if (seconds <= 0 || !this.#visible) return;
    this.#timer = setTimeout(() => {
      const looks = this.#connected().map((host) => this.#look(host));
      void Promise.all(looks).then(() => this.#poll());
    }, seconds * 1000);
  }

  async #look(host: KnownHost): Promise<void> {
    const look = this.#looking.get(host) ?? this.#lookOnce(host);
    this.#looking.set(host, look);
    await look.finally(() => this.#looking.delete(host));
  }

  async #lookOnce(host: KnownHost): Promise<void> {
    const run = this.holder(host.target);
    if (run !== undefined) {
      if (host.heldBy === run && host.state === 'busy') return;
      host.state = 'busy';
      host.heldBy = run;
      delete host.fault;
      this.#changed.fire(host);
      return;
    }
    delete host.heldBy;
    try {
      const look = await this.core.service.ask('host.look', {
        host: host.target,
        timeoutMs: LOOK_TIMEOUT_MS,
      });
      if (host.state === 'disconnected') return;
      delete host.fault;
      this.#show(host, { state: 'connected', look });
    } catch (error) {
      if (host.state === 'disconnected') return;
      const fault = faultOf(error);
      this.#show(host, { state: fault.kind === 'monitor-busy' ? 'busy' : 'failed', fault });
    }
  }

  /** Tells of a host only where it is not as it was: what is drawn anew can't be pressed meanwhile. */
  #show(host: KnownHost, now: Pick<KnownHost, 'state' | 'look' | 'fault'>): void {
    const before = JSON.stringify(host);
    Object.assign(host, now);
    if (JSON.stringify(host) !== before) this.#changed.fire(host);
  }
}

/** Whether what names it is wrong, so that there is nothing to connect to. */
function isFaulty({ target }: KnownHost): boolean {
  return target === '';
}

function isSame(before: KnownHost, now: KnownHost): boolean {
  return before.target === now.target && before.detail === now.detail && now.state !== 'failed';
}

function ofSettings({ name, address, fault }: SettingsHost): KnownHost {
  const host = { name, target: address, detail: address, origin: 'settings' as const };
  return fault ? { ...host, state: 'failed', fault } : { ...host, state: 'disconnected' };
}

function ofFound({ host, kind, detail, fault }: FoundHost): KnownHost {
  const found = { name: host, origin: kind, detail };
  return fault
    ? { ...found, target: '', state: 'failed', fault }
    : { ...found, target: host, state: 'disconnected' };
}
