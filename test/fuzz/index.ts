// Gives every reader of what others say a million inputs:  npm run fuzz [-- OPTION …]
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/base/errors.js';
import { campaign, readInput, type Outcome } from './harness/campaign.js';
import { decodeInput } from './harness/input.js';
import { formatFailure, formatTable } from './harness/report.js';
import type { FuzzTarget } from './harness/target.js';
import { startWatchdog } from './harness/watchdog.js';
import { targets } from './targets/index.js';

const HELP = `Usage: npm run fuzz -- [options]

Gives the readers of what others say changed recordings and made-up messages, and checks that each
ends, raises only errors of src/base/errors.ts, settles what waits and holds no memory.

Options:
  --inputs N      how many in all (1,000,000)
  --seed S        the same inputs for the same number (1)
  --target NAME   one target alone; may be given again
  --input N       only the input of this number
  --replay WORD   only this input, as a failure printed it
  --help          this

Targets:
${targets.map(({ name, about }) => `  ${name.padEnd(16)}${about}`).join('\n')}
`;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string', multiple: true },
    input: { type: 'string' },
    replay: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function whole(name: string, text: string): number {
  const value = Number(text.replaceAll(',', ''));
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} is a whole number.`);
  return value;
}

function chosen(names: readonly string[] | undefined): readonly FuzzTarget[] {
  const unknown = names?.find((name) => !targets.some((target) => target.name === name));
  if (unknown !== undefined) throw new Error(`There is no target ${unknown}; see --help.`);
  return names ? targets.filter(({ name }) => names.includes(name)) : targets;
}

async function fuzz(): Promise<boolean> {
  const seed = whole('seed', values.seed);
  const some = chosen(values.target);
  if (values.replay !== undefined) {
    for (const target of some)
      console.log(target.name, await readInput(target, decodeInput(values.replay)));
    return true;
  }
  const all = whole('inputs', values.inputs);
  const shares = some.reduce((sum, { share }) => sum + share, 0);
  const tell = startWatchdog(
    some.map(({ name }) => name),
    seed,
  );
  const outcomes: Outcome[] = [];
  for (const [index, target] of some.entries()) {
    const { input } = values;
    const one = input === undefined ? {} : { first: whole('input', input) };
    const inputs = input === undefined ? Math.ceil((all * target.share) / shares) : 1;
    const onInput = (number: number) => tell(index, number);
    const outcome = await campaign(target, { ...one, inputs, seed, onInput });
    outcomes.push(outcome);
    console.log(
      `${target.name}: ${outcome.inputs} inputs in ${(outcome.milliseconds / 1000).toFixed(1)} s`,
    );
    if (outcome.failure) console.log(formatFailure(outcome, seed));
  }
  return told(outcomes, seed);
}

function told(outcomes: readonly Outcome[], seed: number): boolean {
  console.log(`\n${formatTable(outcomes)}\n`);
  const inputs = outcomes.reduce((sum, outcome) => sum + outcome.inputs, 0);
  const seconds = outcomes.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
  const failed = outcomes.filter(({ failure }) => failure).length;
  console.log(`${inputs.toLocaleString('en')} inputs, seed ${seed}, ${seconds.toFixed(0)} s`);
  console.log(`${outcomes.length - failed} passed, ${failed} failed, 0 skipped`);
  return failed === 0;
}

if (values.help) {
  console.log(HELP);
} else {
  const passed = await fuzz().catch((error: unknown) => {
    console.error(messageOf(error));
    return false;
  });
  if (!passed) process.exitCode = 1;
}
