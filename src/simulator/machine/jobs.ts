/**
 * QEMU's jobs (qapi/job.json), as far as there are any here.
 *
 *   created → running → [ready →] waiting → pending → concluded → null
 *                    ↘           ↘
 *                      aborting → concluded → null
 */
import { QmpCommandError, messageOf } from '../../base/errors.js';
import { refusal } from '../qmp/index.js';
import type { JsonObject } from '../qmp/index.js';
import { isWellFormed } from './block-graph.js';

export type JobStatus =
  'created' | 'running' | 'ready' | 'waiting' | 'pending' | 'aborting' | 'concluded' | 'null';

/** What a job is to the rest of the machine. */
export interface JobWorld {
  emit(event: string, data: JsonObject): void;
  /** Does it a moment later, after the command that began it is answered. */
  later(act: () => void): void;
}

export interface JobWork {
  readonly type: 'create' | 'mirror';
  /** Does what is to be done when the job completes. @throws QmpCommandError: the job fails. */
  complete(): void;
  /** Gives back what it holds, however it ends. */
  release(): void;
}

export interface JobOptions {
  readonly id: string;
  /** Whether it is gone once it concluded. */
  readonly autoDismiss: boolean;
}

const verbs = {
  cancel: ['created', 'running', 'ready', 'waiting', 'pending'],
  complete: ['ready'],
  dismiss: ['concluded'],
} as const satisfies Record<string, readonly JobStatus[]>;

export class Job {
  #status: JobStatus = 'created';
  #error: string | undefined;
  /** What is to come was asked for, and no other end is taken. */
  #ending = false;

  constructor(
    readonly options: JobOptions,
    readonly work: JobWork,
    private readonly world: JobWorld,
    private readonly gone: (job: Job) => void,
  ) {
    this.#announce();
    this.#become('running');
  }

  get id(): string {
    return this.options.id;
  }

  get status(): JobStatus {
    return this.#status;
  }

  /** Why it failed, once it did. */
  get error(): string | undefined {
    return this.#error;
  }

  /** A mirror has caught up. */
  ready(): void {
    if (this.#ending) return;
    this.#become('ready');
    this.#blockJobEvent('BLOCK_JOB_READY');
  }

  /** @throws QmpCommandError when it is in no state for it. */
  require(verb: keyof typeof verbs): void {
    const allowed: readonly JobStatus[] = verbs[verb];
    if (allowed.includes(this.#status)) return;
    throw refusal(
      `Job '${this.id}' in state '${this.#status}' cannot accept command verb '${verb}'`,
    );
  }

  /** As job-complete. @throws QmpCommandError */
  complete(): void {
    this.require('complete');
    if (this.#ending) throw refusal(`The active block job '${this.id}' cannot be completed`);
    this.#ending = true;
    this.world.later(() => this.#finalize(() => this.work.complete()));
  }

  /**
   * As job-cancel, which forces it, or block-job-cancel, which lets a mirror that is ready end well
   * without its swap. @throws QmpCommandError
   */
  cancel(force: boolean): void {
    this.require('cancel');
    if (this.#ending) return;
    this.#ending = true;
    const soft = !force && this.#status === 'ready';
    this.world.later(() => {
      if (soft) this.#finalize(() => undefined);
      else this.#abort('BLOCK_JOB_CANCELLED');
    });
  }

  /** As job-dismiss. @throws QmpCommandError */
  dismiss(): void {
    this.require('dismiss');
    this.#become('null');
    this.gone(this);
  }

  /** Does what the job is for, and ends it; what is thrown is its failure. */
  run(act: () => void): void {
    if (this.#ending) return;
    this.#ending = true;
    if (this.#attempt(act)) this.#finalize(() => undefined);
  }

  #finalize(act: () => void): void {
    this.#become('waiting');
    this.#become('pending');
    if (!this.#attempt(act)) return;
    this.work.release();
    this.#blockJobEvent('BLOCK_JOB_COMPLETED');
    this.#conclude();
  }

  /** @returns whether it was done; otherwise the job has ended. */
  #attempt(act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      this.#error = error instanceof QmpCommandError ? error.description : messageOf(error);
      this.#abort('BLOCK_JOB_COMPLETED');
      return false;
    }
  }

  #abort(event: string): void {
    this.#become('aborting');
    this.work.release();
    this.#blockJobEvent(event);
    this.#conclude();
  }

  #conclude(): void {
    this.#become('concluded');
    if (this.options.autoDismiss) this.dismiss();
  }

  #become(status: JobStatus): void {
    this.#status = status;
    this.#announce();
  }

  #announce(): void {
    this.world.emit('JOB_STATUS_CHANGE', { status: this.#status, id: this.id });
  }

  #blockJobEvent(event: string): void {
    const { type } = this.work;
    if (type === 'create') return;
    const error = this.#error === undefined ? {} : { error: this.#error };
    this.world.emit(event, { type, device: this.id, len: 0, offset: 0, speed: 0, ...error });
  }
}

export class Jobs {
  readonly #jobs = new Map<string, Job>();

  constructor(private readonly world: JobWorld) {}

  /** The newest first. */
  get all(): readonly Job[] {
    return [...this.#jobs.values()].reverse();
  }

  /** @throws QmpCommandError when the id can't be. */
  checkId(id: string): void {
    if (!isWellFormed(id)) throw refusal(`Invalid job ID '${id}'`);
    if (this.#jobs.has(id)) throw refusal(`Job ID '${id}' already in use`);
  }

  start(options: JobOptions, work: JobWork): Job {
    const job = new Job(options, work, this.world, ({ id }) => this.#jobs.delete(id));
    this.#jobs.set(options.id, job);
    return job;
  }

  /** @throws QmpCommandError when there is none. */
  get(id: string): Job {
    const job = this.#jobs.get(id);
    if (!job) throw refusal('Job not found');
    return job;
  }

  /** @throws QmpCommandError when there is no block job of that id. */
  getBlockJob(id: string): Job {
    const job = this.#jobs.get(id);
    if (job && job.work.type !== 'create') return job;
    throw refusal(`Block job '${id}' not found`, 'DeviceNotActive');
  }
}
