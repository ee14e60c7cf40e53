/** `migrascope recover`: says what is left of runs that are dead, and puts it right on consent. */
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { CancelledError, ConnectError, UsageError, messageOf } from '../base/errors.js';
import {
  judgeStrayRun,
  lookAtDeadRun,
  recoverRun,
  removeStray,
  straysOf,
  type JournalRecord,
  type Recovery,
  type RecoveryResult,
  type RunFolder,
  type RunStatus,
  type Stray,
} from '../engine/index.js';
import type { Hypervisor } from '../hypervisor/index.js';
import { EXIT, exitCodeHelp, type ExitCode } from './exit-codes.js';
import { Interrupt } from './interrupt.js';
import { createLogger } from './report.js';
import { renderAlive, renderOutcome, renderRecovery } from './view/render-recovery.js';
import type { KnownRun, RecoveryWorld } from '../reach/types.js';
import type { World } from './world.js';

/** The options as commander gives them. */
export interface RecoverFlags {
  readonly yes?: true;
  readonly json?: true;
  readonly run?: string;
}

const EXAMPLES = `
Examples:
  migrascope recover
      every dead run of this machine and user
  migrascope recover unix:/run/vm.qmp
      what was left on one host, also by runs that nothing is known of here
  migrascope recover unix:/run/vm.qmp --run k3v9 --yes
      removes what run k3v9 left there, by your word that it is dead
`;

/** @param finish takes the exit code. */
export function recoverCommand(world: World, finish: (code: ExitCode) => void): Command {
  return new Command('recover')
    .description(
      'put right what dead runs left: guests, disks, hosts; asks before it does anything',
    )
    .argument('[host]', 'a host as `migrate` takes it; every host of a dead run unless told')
    .option('--yes', 'do it without asking')
    .option(
      '--run <id>',
      'this run alone; one without a journal here is taken for dead, by your word',
    )
    .option('--json', 'print one object a run, and ask nothing')
    .addHelpText('after', `${EXAMPLES}\n${exitCodeHelp()}`)
    .action(async (host: string | undefined, flags: RecoverFlags) => {
      finish(await runRecover(world, host, flags));
    });
}

/**
 * Recovers what there is to recover.
 * @throws UsageError for a host or a run that is not known; ConnectError when the named host can't be
 * reached; CancelledError.
 */
export async function runRecover(
  world: World,
  host: string | undefined,
  flags: RecoverFlags,
): Promise<ExitCode> {
  const note = (message: string) => void world.stderr.write(`migrascope: ${message}\n`);
  const interrupt = new Interrupt(world, note, () => '`migrascope recover` does the rest.');
  const recovering = new Recovering(
    world,
    world.recovery(createLogger(world, note)),
    { host, ...flags },
    interrupt.signal,
  );
  try {
    return (await recovering.all()) ? EXIT.completed : EXIT.leftToRecover;
  } finally {
    interrupt.close();
  }
}

class Recovering {
  #complete = true;
  #told = 0;
  /** Dead runs that were come to. */
  readonly #looked = new Set<string>();

  constructor(
    private readonly world: World,
    private readonly recovery: RecoveryWorld,
    private readonly asked: RecoverFlags & { readonly host: string | undefined },
    private readonly signal: AbortSignal,
  ) {}

  /** @returns whether nothing is left to do. */
  async all(): Promise<boolean> {
    const { host, run } = this.asked;
    const known = await this.recovery.runs(this.signal);
    if (host === undefined && run !== undefined) requireKnown(known, run);
    for (const { folder, status } of await this.#chosen(known)) {
      if (status.state === 'dead') await this.#recoverDead(folder);
      else if (status.state !== 'ended') this.#tellAlive(status);
    }
    if (host !== undefined) await this.#recoverStrays(host, known);
    if (this.#told === 0 && !this.asked.json)
      this.world.stdout.write(
        host === undefined
          ? 'There is nothing to recover.\n'
          : `There is nothing to recover on ${host}.\n`,
      );
    return this.#complete;
  }

  async #recoverDead(folder: RunFolder): Promise<void> {
    this.#looked.add(folder.run);
    const recovery = await lookAtDeadRun(folder, this.recovery, this.signal);
    await this.#recover(recovery, (agreed) =>
      recoverRun(folder, agreed, this.recovery, this.signal),
    );
  }

  /** The runs of the host, or of the id, that were asked for. */
  async #chosen(known: readonly KnownRun[]): Promise<readonly KnownRun[]> {
    const { host, run } = this.asked;
    const named = known.filter(({ folder }) => run === undefined || folder.run === run);
    if (host === undefined) return named;
    const hypervisor = await this.#hypervisorOf(host);
    const own: KnownRun[] = [];
    for (const each of named) {
      const { begin, state } = each.status;
      if (!begin || state === 'ended') continue;
      if (begin.host === host || (await this.#hypervisorOf(begin.host)) === hypervisor)
        own.push(each);
    }
    return own;
  }

  /** A host that is not known any more is nobody else. */
  async #hypervisorOf(host: string): Promise<string> {
    return this.recovery.hypervisorOf(host).catch((error: unknown) => {
      if (error instanceof UsageError) return host;
      throw error;
    });
  }

  async #recoverStrays(host: string, known: readonly KnownRun[]): Promise<void> {
    const reached = await this.recovery.reach({ host }, NO_JOURNAL, this.signal);
    if (reached.state !== 'reached') {
      if (this.#told === 0) throw new ConnectError(reached.reason);
      return;
    }
    const runs = await this.#recoverFound(reached.hypervisor, host, known);
    for (const { folder, status } of known) {
      const missed = runs.has(folder.run) && status.state === 'dead';
      if (missed && !this.#looked.has(folder.run)) await this.#recoverDead(folder);
    }
  }

  /** @returns the runs that left something there. */
  async #recoverFound(
    hypervisor: Hypervisor,
    host: string,
    known: readonly KnownRun[],
  ): Promise<ReadonlySet<string>> {
    try {
      const found = (await hypervisor.leftovers([], this.signal)).filter(
        ({ run }) => this.asked.run === undefined || this.asked.run === run,
      );
      const statuses = known.map(({ status }) => status);
      for (const stray of straysOf(found, statuses)) {
        await this.#recoverStray(stray, host, hypervisor, known);
      }
      return new Set(found.map(({ run }) => run));
    } finally {
      await hypervisor.close();
    }
  }

  async #recoverStray(
    stray: Stray,
    host: string,
    hypervisor: Hypervisor,
    known: readonly KnownRun[],
  ): Promise<void> {
    const own = known.find(({ folder }) => folder.run === stray.run);
    const changes = changesOf(own ? await this.recovery.readJournal(own.folder) : []);
    const found = await hypervisor.leftovers(changes, this.signal);
    const leftovers = found.filter(({ run }) => run === stray.run);
    const recovery = judgeStrayRun({ ...stray, leftovers }, host);
    if (!recovery) return;
    await this.#recover(recovery, () => removeStray(recovery, hypervisor, changes, this.signal));
  }

  async #recover(
    recovery: Recovery,
    doIt: (agreed: ReadonlySet<Recovery['steps'][number]['action']>) => Promise<RecoveryResult>,
  ): Promise<void> {
    const { json } = this.asked;
    const { stdout } = this.world;
    this.#told++;
    if (!json) stdout.write(renderRecovery(recovery));
    const agreed = recovery.steps.length > 0 && (await this.#agreed(recovery));
    const result = agreed
      ? await doIt(new Set(recovery.steps.map(({ action }) => action)))
      : { recovery, outcomes: [], complete: false };
    this.#complete &&= result.complete;
    if (json) stdout.write(`${JSON.stringify(asJson(result))}\n`);
    else if (agreed) stdout.write(renderOutcome(result));
  }

  async #agreed({ run, state }: Recovery): Promise<boolean> {
    const { world, asked } = this;
    if (state === 'no-journal') return asked.yes === true && asked.run === run;
    if (asked.yes) return true;
    const terminal = world.stdin.isTTY === true && world.stdout.isTTY === true;
    if (!asked.json && terminal) return askWhether(world, 'Do this? [y/N] ', this.signal);
    if (!asked.json)
      world.stdout.write('  Nothing is done: it needs --yes, or a terminal to ask.\n');
    return false;
  }

  #tellAlive(status: RunStatus): void {
    const { stdout } = this.world;
    this.#told++;
    if (status.state !== 'running') this.#complete = false;
    const { run, state, reason } = status;
    const complete = state === 'running';
    const object = { type: 'recovery', run, state, reason, complete };
    stdout.write(this.asked.json ? `${JSON.stringify(object)}\n` : renderAlive(status));
  }
}

const NO_JOURNAL = { record: () => Promise.resolve() };

function requireKnown(known: readonly KnownRun[], run: string): void {
  if (known.some(({ folder }) => folder.run === run)) return;
  throw new UsageError(`There is no run "${run}" here.`, {
    hint: 'Name the host, too, for a run whose journal is on another machine; `migrascope runs` lists those of this one.',
  });
}

function changesOf(records: readonly JournalRecord[]) {
  return records.filter((record) => record.type === 'change');
}

function asJson({ recovery, outcomes, complete }: RecoveryResult): object {
  const { steps, ...found } = recovery;
  const told = steps.map((step) => {
    const done = outcomes.find((each) => each.step.action === step.action);
    const reason = done?.reason === undefined ? {} : { reason: done.reason };
    return { ...step, outcome: done?.outcome ?? 'not-done', ...reason };
  });
  return { type: 'recovery', ...found, steps: told, complete };
}

/** @throws CancelledError when `signal` aborts. */
async function askWhether(world: World, question: string, signal: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: world.stdin, output: world.stdout, terminal: false });
  try {
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    const answer = await Promise.race([lines.question(question, { signal }), ended]);
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new CancelledError(`It was cancelled: ${messageOf(error)}`, { cause: error });
  } finally {
    lines.close();
  }
}
