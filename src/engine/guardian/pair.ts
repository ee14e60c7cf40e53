/**
 * Two guardians for one pause, so that whoever is killed together with the engine leaves one of them:
 *
 *   prepare, take     both; the guest is paused only when both watch
 *   renew, confirm    both
 *   one ends          the other watches on
 *   one acts          the lease is lost
 *
 * Both act when the engine is gone: the first who reaches the guest resumes it, the second finds that
 * in the journal and leaves it.
 */
import type { Logger } from '../../base/logger.js';
import type { Lease } from './types.js';

/** A lease with a guardian of its own. */
export interface SingleLease extends Lease {
  /** Whether the guardian's process is gone: then it resumes nobody any more. */
  readonly gone: boolean;
}

export class PairedLease implements Lease {
  #told = false;

  constructor(
    private readonly leases: readonly SingleLease[],
    private readonly logger: Logger,
  ) {}

  /** One after the other: a monitor serves one client at a time. One that was killed meanwhile gets another try. */
  async prepare(signal: AbortSignal): Promise<void> {
    for (const lease of this.leases) {
      await lease.prepare(signal).catch((error: unknown) => {
        if (!lease.gone) throw error;
        return lease.prepare(signal);
      });
    }
  }

  async take(signal: AbortSignal, onLost: (error: Error) => void): Promise<void> {
    await this.prepare(signal);
    await Promise.all(
      this.leases.map((lease) => lease.take(signal, (error) => this.#lost(lease, error, onLost))),
    );
  }

  async confirm(signal: AbortSignal): Promise<void> {
    const answers = await Promise.allSettled(this.leases.map((lease) => lease.confirm(signal)));
    const failures = answers.flatMap((answer, index) =>
      answer.status === 'rejected'
        ? [{ reason: answer.reason as unknown, gone: this.leases[index]!.gone }]
        : [],
    );
    const held = failures.length < answers.length;
    const failure = failures.find(({ gone }) => !gone || !held);
    if (failure) throw failure.reason;
  }

  async release(): Promise<void> {
    await Promise.all(this.leases.map((lease) => lease.release()));
  }

  async abandon(): Promise<void> {
    await Promise.all(this.leases.map((lease) => lease.abandon()));
  }

  #lost(lease: SingleLease, error: Error, onLost: (error: Error) => void): void {
    if (this.#told) return;
    if (lease.gone && this.leases.some((each) => !each.gone)) {
      this.logger.log(
        'warn',
        `One of two guardians is gone; the other watches on. ${error.message}`,
      );
      return;
    }
    this.#told = true;
    onLost(error);
  }
}
