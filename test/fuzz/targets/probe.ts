/** The probe: a whole session with a guest that says anything, and reports by themselves. */
import fc from 'fast-check';
import { crc32 } from 'node:zlib';
import { silentLogger } from '../../../src/base/logger.js';
import { connectProbe } from '../../../src/probe/index.js';
import { ReportAssembler } from '../../../src/probe/report.js';
import type { CacheReport, Probe } from '../../../src/probe/types.js';
import type { Random } from '../../unit/support/random.js';
import type { FuzzInput } from '../harness/input.js';
import { Session } from '../harness/session.js';
import { Tape } from '../harness/tape.js';
import { must, verdictOf, type FuzzTarget, type Verdict } from '../harness/target.js';
import { mutateJson } from '../mutate/json.js';
import { arbitrary, arrival, asLine, linesIn, mutateTurns } from '../mutate/turns.js';
import { saidBy } from '../recording.js';
import { recordings } from '../recordings.js';

/** What the host may say to a probe that never stops greeting, in bytes. */
const MOST_ASKED = 16 * 1024;

/** Of each report, what an input holds of its files and extents. */
const KEPT = 20;

const asked = saidBy('reader', recordings.probe).join('');
/** The name of the recorded connection, at the beginning of each id. */
const recordedSession = /"id":"([0-9a-f]+)-1"/.exec(asked)![1]!;
const said = saidBy('peer', recordings.probe).map((turn) =>
  Buffer.concat(linesIn(turn).map(shortened)),
);
const lines = said.flatMap(linesIn);
const reportLines = lines.filter((line) => /"(report|files|extents|crc32)"/.test(line.toString()));

/** A line with its first files and extents only. */
function shortened(line: Buffer): Buffer {
  const message = parsed(line);
  const { files, extents } = message as { files?: unknown[]; extents?: unknown[][] };
  if (!files && !extents) return line;
  return asLine({
    ...message,
    ...(files ? { files: files.slice(0, KEPT) } : {}),
    ...(extents
      ? { extents: extents.filter(([, , , file]) => Number(file ?? 0) < KEPT).slice(0, KEPT) }
      : {}),
  });
}

/** What was recorded, as if it were said on a connection of another name: with ends that fit the reports. */
function onConnection(name: string): Map<string, string> {
  const renamed = new Map([[recordedSession, name]]);
  let [sum, files, extents] = [0, 0, 0];
  for (const line of reportLines) {
    const text = line.toString('latin1');
    const message = parsed(line) as Record<'files' | 'extents', unknown[] | undefined>;
    files += message.files?.length ?? 0;
    extents += message.extents?.length ?? 0;
    const end = /"files":\d+,"extents":\d+,"crc32":\d+/.exec(text)?.[0];
    if (end === undefined) {
      sum = crc32(Buffer.from(text.replaceAll(recordedSession, name), 'latin1'), sum);
      continue;
    }
    renamed.set(end, `"files":${files},"extents":${extents},"crc32":${sum}`);
    [sum, files, extents] = [0, 0, 0];
  }
  return renamed;
}

const id = fc.integer({ min: 1, max: 9 }).map((number) => `${recordedSession}-${number}`);
const value = fc.oneof(fc.constantFrom({}, [], null, 0, 'x', -1), fc.jsonValue({ maxDepth: 2 }));
const message = fc.oneof(
  fc.record({ id, result: value }),
  fc.record({ id, error: fc.oneof(value, fc.record({ code: value, message: value })) }),
  fc.record({ id: fc.constant(null), error: value }),
  fc.record({ id, report: value }),
  fc.record({ id, extents: value, files: value }),
  fc.record({ hello: value }),
  value,
);
const messages = fc.array(message, { maxLength: 8 });

function make(random: Random): FuzzInput {
  if (random.chance(0.02)) {
    const hello = Buffer.from('{"hello":1}\n'.repeat(2000));
    return { turns: [hello, ...said], ...arrival(random) };
  }
  if (random.chance(0.7))
    return { turns: mutateTurns(said, random, { lines: true }), ...arrival(random) };
  const begun = said.slice(0, random.pick(0, 2, 2, 3));
  return { turns: [...begun, ...arbitrary(messages, random).map(asLine)], ...arrival(random) };
}

/** What a migration asks of a probe. */
async function ask(probe: Probe): Promise<void> {
  const disk = probe.info.disks[0] ?? { size: 64 * 2 ** 20 };
  checkReport(await probe.snapshot({ disk, clean: true }));
  await probe.drain({ disk, extents: [{ offset: 0, length: 2 ** 20 }] });
  await probe.trim({ disk });
  await probe.steer({ mode: 'hold', forMs: 2000 });
  await probe.snapshot({ disk, clean: false });
}

async function read(input: FuzzInput): Promise<Verdict> {
  const tape = new Tape();
  const session = new Session(tape);
  const { clock } = session;
  let probe: Probe | undefined;
  const connect = async () => {
    probe = await connectProbe(tape, { clock, logger: silentLogger });
    must(tape.saidBytes <= MOST_ASKED, `${tape.saidBytes} bytes were said to ask for one hello.`);
    await ask(probe);
  };
  let renamed: Map<string, string> | undefined;
  session.watch('the session', connect());
  await session.tell(input, (bytes) => {
    renamed ??= onConnection(/"id":"([0-9a-f]+)-1"/.exec(tape.said)?.[1] ?? recordedSession);
    let text = bytes.toString('latin1');
    for (const [recorded, now] of renamed) text = text.replaceAll(recorded, now);
    return Buffer.from(text, 'latin1');
  });
  const verdict = await session.settle(input, () => void probe?.close());
  must(tape.saidBytes <= 2 * MOST_ASKED, `${tape.saidBytes} bytes were said in a short session.`);
  if (input.ending !== 'silence') await session.expectNoTimers();
  return verdict;
}

export const probeTarget: FuzzTarget = {
  name: 'probe',
  about: "a session with the guest's probe: hello, reports, drain, trim, steering",
  share: 5,
  make,
  read,
};

/** @throws Violation unless the report is what its readers rely on. */
function checkReport(report: CacheReport): void {
  let end = 0;
  for (const { offset, length, file, ageMs, fileOffset } of report.extents) {
    must(offset >= end && length > 0, 'Extents that overlap, or are empty.');
    end = offset + length;
    must(Number.isSafeInteger(end), 'An extent whose end is not exact.');
    must(
      file === undefined || file < report.files.length,
      'An extent of a file that is not there.',
    );
    must((ageMs ?? 0) >= 0 && (fileOffset ?? 0) >= 0, 'A number below 0.');
  }
}

const small = fc.oneof(fc.nat(70_000), fc.constantFrom(-1, 2 ** 53 - 1, 2 ** 53, 0.5, null, '1'));
const extent = fc.oneof(
  fc.tuple(fc.nat(2 ** 20), fc.integer({ min: 1, max: 4096 }), fc.constantFrom('Cd', 'Dd', 'Wm')),
  fc.tuple(small, small, fc.constantFrom('Cd', 'Dj', 'xx', '', 'toString'), small, small, small),
);
const file = fc.tuple(
  fc.constantFrom('8:0', ''),
  small,
  small,
  small,
  fc.constantFrom('ext4', 'xfs', 1),
  fc.constantFrom('/a', '/\ud800', undefined),
);
const header = {
  sequence: 1,
  method: 'kcore',
  startMs: 1,
  endMs: 2,
  restarts: 0,
  givenUp: 0,
  unmappedBytes: { ['__proto__']: 1 },
  journals: [[0, 4096]],
};
const parts = fc.array(
  fc.oneof(
    fc.array(extent, { maxLength: 6 }).map((extents) => ({
      extents: extents.sort(([one], [other]) => Number(one) - Number(other)),
    })),
    fc.array(file, { maxLength: 3 }).map((files) => ({ files })),
    fc.record({ report: value }),
  ),
  { maxLength: 6 },
);

/** A report whose end fits it. */
function wholeReport(body: readonly object[]): Buffer[] {
  const sent = [{ report: header }, ...body].map((part) => asLine({ id: 'a', ...part }));
  const count = (name: 'extents' | 'files'): number =>
    body.reduce((sum, part) => sum + ((part as Record<string, unknown[]>)[name]?.length ?? 0), 0);
  const sum = sent.reduce((before, line) => crc32(line, before), 0);
  const end = { sequence: 1, files: count('files'), extents: count('extents'), crc32: sum };
  return [...sent, asLine({ id: 'a', result: end })];
}

function makeReport(random: Random): FuzzInput {
  if (random.chance(0.4)) {
    const turns = wholeReport(arbitrary(parts, random));
    return { turns, cuts: [], ending: 'end' };
  }
  const from = random.below(reportLines.length);
  const kept = reportLines.slice(random.chance(0.8) ? 0 : from, from + 3);
  const index = random.below(kept.length);
  kept[index] = mutateJson(kept[index]!, random);
  return { turns: kept, cuts: [], ending: 'end' };
}

function readReport(input: FuzzInput): Verdict {
  return verdictOf(() => {
    const assembler = new ReportAssembler();
    for (const line of input.turns.flatMap(linesIn)) {
      const message = parsed(line);
      if (message['result'] === undefined) assembler.add(message, line);
      else checkReport(assembler.finish(message['result']));
    }
  });
}

function parsed(line: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line.toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export const reportTarget: FuzzTarget = {
  name: 'probe-report',
  about: 'a report on the page cache, put together from its lines',
  share: 12,
  make: makeReport,
  read: readReport,
};
