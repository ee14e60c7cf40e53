/**
 * Conformance of a plugin, requirement by requirement of protocol/SPEC.md. Each trial starts the program
 * anew, so that what one does wrong is not held against another.
 */
import { messageOf, MigrascopeError } from '../../base/errors.js';
import {
  CODES,
  PluginFault,
  PluginSession,
  RefusedRequest,
  type ExchangedLine,
  type PluginDescription,
  type PluginParts,
  type Role,
} from '../../plugin/index.js';
import { answers, tryConverged, tryExplain, tryPlans, type Broken } from './policy-trials.js';

/** How a plugin does by one requirement. */
export interface Finding {
  /** Its number in protocol/SPEC.md. */
  readonly requirement: string;
  /** What it asks of a plugin. */
  readonly text: string;
  readonly result: 'pass' | 'fail' | 'not tried';
  /** Why it failed or was not tried. */
  readonly reason?: string;
  /** What was said, where it failed. */
  readonly exchange: readonly ExchangedLine[];
}

/** Something that a trial found out: what is wrong, or nothing. */
type Trial = (session: PluginSession, seen: Seen) => Promise<string | Broken | undefined>;

/** What a plugin did by itself. */
interface Seen {
  readonly asked: string[];
}

interface Requirement {
  readonly number: string;
  readonly text: string;
  readonly role?: Role;
  /** Why it need not be tried with this plugin, if so. */
  readonly needless?: (session: PluginSession) => string | undefined;
  readonly trial: Trial;
}

const UNKNOWN = { 'x-unknown': { of: ['a', 'later', 'version'] } };
const EVENTS = [
  { type: 'held', seq: 0, t: 0, line: 1 },
  { type: 'statement', seq: 1, t: 1, line: 1, round: 0, batch: 0 },
  { type: 'of-a-later-version', seq: 2, t: 2, more: [1] },
];

const GENERAL: readonly Requirement[] = [
  {
    number: 'R1',
    text: 'writes nothing to its output but messages, one a line',
    trial: async (session) => {
      await session.end();
      const failure = await session.channel.ended;
      return failure.kind === 'connection-lost' ? undefined : failure.message;
    },
  },
  {
    number: 'R2',
    text: 'answers initialize within 10 s, with its version, name and roles',
    trial: () => Promise.resolve(undefined),
  },
  {
    number: 'R3',
    text: 'ignores fields that it does not know',
    trial: () => Promise.resolve(undefined),
  },
  {
    number: 'R4',
    text: 'answers an unknown method with error -32601, and goes on',
    trial: async (session) => (await askUnknown(session)) ?? askUnknown(session),
  },
  {
    number: 'R5',
    text: 'answers each request once, with its id',
    trial: async (session) => {
      for (let each = 0; each < 3; each++) await askUnknown(session);
      await session.end();
      const failure = await session.channel.ended;
      return failure.kind === 'protocol' ? failure.message : undefined;
    },
  },
  {
    number: 'R6',
    text: 'answers no notification, and goes on after it',
    trial: async (session) => {
      session.channel.notify('$/cancel', { id: 999_999 });
      session.channel.notify('of-a-later/version', UNKNOWN);
      return stillAnswers(session);
    },
  },
  {
    number: 'R7',
    text: 'answers shutdown, and ends with exit code 0 when its input ends',
    trial: async (session) => {
      const answered = await answers(session.channel.request('shutdown', {}));
      const exit = await session.end('fault');
      if (answered !== undefined) return answered;
      return exit?.code === 0 ? undefined : `It ${exit?.how ?? 'did not end'}.`;
    },
  },
];

const ROLES: readonly Requirement[] = [
  ...(
    [
      ['R10', 'answers policy/begin; a second one makes it forget the first'],
      ['R11', 'answers a plan within 5 s, with sets that are sound'],
      ['R12', 'sends nothing but candidates'],
      ['R13', 'sends at most budgetBlocks'],
      ['R14', 'puts off nothing but candidates, no block twice, none that it sends'],
      ['R15', 'names no reason that it did not declare, and each once'],
      ['R16', 'sends nothing only where it puts off every candidate'],
      ['R17', 'with no candidates, sends nothing and puts nothing off'],
    ] as const
  ).map(([number, text]) => ({ number, text, role: 'policy' as const, trial: tryPlans })),
  {
    number: 'R18',
    text: 'answers policy/converged',
    role: 'policy',
    needless: ({ capabilities }) =>
      capabilities.policy?.converged ? undefined : 'It does not say that it has it.',
    trial: tryConverged,
  },
  {
    number: 'R19',
    text: 'answers policy/explain',
    role: 'policy',
    needless: ({ capabilities }) =>
      capabilities.policy?.explain ? undefined : 'It does not say that it has it.',
    trial: tryExplain,
  },
  {
    number: 'R30',
    text: 'takes events of any type without answering them',
    role: 'observer',
    trial: async (session) => {
      for (const event of EVENTS) session.channel.notify('observer/event', { event });
      return stillAnswers(session);
    },
  },
  {
    number: 'R31',
    text: 'asks for a pause only if it says pauses',
    role: 'observer',
    needless: ({ capabilities }) =>
      capabilities.observer?.pauses ? 'It says that it may.' : undefined,
    trial: async (session, seen) => {
      for (const event of EVENTS) session.channel.notify('observer/event', { event });
      await stillAnswers(session);
      return seen.asked.includes('host/pause') ? 'It asked for a pause.' : undefined;
    },
  },
];

/** Roles whose requirements this version does not try. */
const UNTRIED: Readonly<Partial<Record<Role, readonly string[]>>> = {
  probe: ['R40', 'R41', 'R42', 'R43'],
  workload: ['R50', 'R51', 'R52'],
  hypervisor: ['R60', 'R61', 'R62', 'R63', 'R64', 'R65'],
};

/** Tries a plugin by every requirement of the roles that it has; what can't be tried says so. */
export async function checkPlugin(
  description: PluginDescription,
  parts: PluginParts,
): Promise<readonly Finding[]> {
  const roles: Role[] = [];
  const findings: Finding[] = [];
  for (const requirement of GENERAL)
    findings.push(await find(requirement, description, parts, roles));
  for (const requirement of ROLES) {
    if (requirement.role && roles.includes(requirement.role))
      findings.push(await find(requirement, description, parts, roles));
  }
  for (const role of new Set(roles)) {
    for (const number of UNTRIED[role] ?? [])
      findings.push({
        requirement: number,
        text: `of role ${role}; see protocol/SPEC.md`,
        result: 'not tried',
        reason: 'This version of the check does not try it.',
        exchange: [],
      });
  }
  return findings;
}

async function find(
  { number, text, needless, trial }: Requirement,
  description: PluginDescription,
  parts: PluginParts,
  roles: Role[],
): Promise<Finding> {
  const exchange: ExchangedLine[] = [];
  const seen: Seen = { asked: [] };
  const finding = (result: Finding['result'], reason?: string): Finding => ({
    requirement: number,
    text,
    result,
    ...(reason === undefined ? {} : { reason }),
    exchange: result === 'fail' ? exchange : [],
  });
  let session: PluginSession | undefined;
  try {
    session = await PluginSession.open(
      description,
      [],
      {
        ...parts,
        exchanged: (line) => void exchange.push(line),
        request: (method) => {
          seen.asked.push(method);
          return Promise.reject(new RefusedRequest(CODES.refused, 'This is a check.'));
        },
      },
      undefined,
      number === 'R3' ? UNKNOWN : {},
    );
    roles.push(...session.greeting.roles.filter((role) => !roles.includes(role)));
    const why = needless?.(session);
    if (why !== undefined) return finding('not tried', why);
    const broken = await trial(session, seen);
    if (broken === undefined) return finding('pass');
    if (typeof broken === 'string') return finding('fail', broken);
    // What breaks another requirement of a plan is told there.
    return broken.requirement === number
      ? finding('fail', broken.offence)
      : finding('pass', `As far as it could be tried: ${broken.requirement} is broken.`);
  } catch (error) {
    if (!(error instanceof MigrascopeError)) throw error;
    if (session || ['R1', 'R2', 'R3'].includes(number)) return finding('fail', messageOf(error));
    return finding('not tried', `It could not be greeted: ${messageOf(error)}`);
  } finally {
    await session?.end();
  }
}

/** What is wrong with how it answers a method that there is not, if anything is. */
async function askUnknown(session: PluginSession): Promise<string | undefined> {
  try {
    await session.channel.requestAny('of-a-later/version', UNKNOWN, 5000);
    return 'It answered a method that there is not with a result.';
  } catch (error) {
    if (error instanceof PluginFault && error.code === CODES.method) return undefined;
    return messageOf(error);
  }
}

/** As `askUnknown`; any answer will do. */
async function stillAnswers(session: PluginSession): Promise<string | undefined> {
  try {
    await session.channel.requestAny('of-a-later/version', {}, 5000);
  } catch (error) {
    if (!(error instanceof PluginFault)) return messageOf(error);
  }
  return undefined;
}
