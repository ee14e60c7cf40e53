/**
 * The kill matrix as a table: which fault meets a migration at which point of its program, and what
 * must be true afterwards (docs/safety.md says why). Pure.
 */

/** The statements of the program, as "before it is executed", and what is in the middle of one. */
export const MIDDLES = [
  'mid-batch',
  'mid-flip',
  'mid-drain',
  'mid-pause',
  'mid-last-copy',
  'mid-pivot-begin',
  'mid-pivot-mirror',
  'mid-pivot-done',
] as const;
export type Middle = (typeof MIDDLES)[number];
export type Point = Middle | `before-${number}`;

const before = (line: number): Point => `before-${line}`;
const lines = (from: number, to: number): Point[] =>
  Array.from({ length: to - from + 1 }, (_, index) => before(from + index));

/** In the order of the program. */
export const POINTS: readonly Point[] = [
  ...lines(1, 8),
  'mid-batch',
  before(9),
  'mid-flip',
  ...lines(10, 12),
  'mid-drain',
  ...lines(13, 15),
  'mid-pause',
  'mid-last-copy',
  ...lines(16, 17),
  'mid-pivot-begin',
  'mid-pivot-mirror',
  'mid-pivot-done',
  before(18),
];

/** `guardian` is one of the two, `guardians` both. */
export const FAULTS = [
  'engine',
  'controller',
  'guardian',
  'guardians',
  'probe',
  'server',
  'engine+guardian',
  'engine+guardians',
  'engine+controller',
  'engine+probe',
  'engine+server',
  'guardian+controller',
  'stop, one monitor',
  'stop, two monitors',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface Cell {
  readonly fault: Fault;
  readonly point: Point;
}

/** Who or what is struck. */
export function strikes(fault: string, what: string): boolean {
  return fault.split('+').includes(what);
}

/** The destination has a server of its own only where the guest does not go on with it. */
export function pivots(fault: Fault): boolean {
  return !strikes(fault, 'server');
}

/** Whether the program has the guest paused there. */
export function isPaused(point: Point): boolean {
  return POINTS.indexOf(point) >= POINTS.indexOf('mid-pause');
}

/** Whether a guardian watches there, paused or not. */
export function isGuarded(point: Point): boolean {
  return isPaused(point) || point === 'before-15';
}

/** Whether the guest has its new disk there, in a migration with pivot. */
export function isCommitted(point: Point): boolean {
  return point === 'mid-pivot-done' || point === 'before-18';
}

/** Whether a fault can happen there at all: who is to be struck is there, and the point comes. */
export function exists({ fault, point }: Cell): boolean {
  const guarded = strikes(fault, 'guardian') || strikes(fault, 'guardians');
  if (guarded && !isGuarded(point)) return false;
  return pivots(fault) || !(point === 'before-17' || point.startsWith('mid-pivot'));
}

export const ALL: readonly Cell[] = FAULTS.flatMap((fault) =>
  POINTS.map((point) => ({ fault, point })).filter(exists),
);

/** What must be true once everything has settled, and before anybody recovers anything. */
export interface Expected {
  /** `dies`: nobody is left who could end it; `recover` has to. */
  readonly run: 'completes' | 'fails' | 'dies';
  /** Where it fails: the kinds of error that say why. */
  readonly kinds?: readonly string[];
  readonly disk: 'source' | 'new';
  /** Who gives a guest that stood its run state back. */
  readonly resumedBy: 'engine' | 'guardian' | 'recover' | 'nobody';
}

export function expected(cell: Cell): Expected {
  const { fault, point } = cell;
  const paused = isPaused(point);
  const goesOn = pivots(fault) ? 'new' : 'source';
  const completes = { run: 'completes', disk: goesOn } as const;
  if (strikes(fault, 'engine') || (fault === 'stop, one monitor' && paused)) return ofDeath(cell);
  if (strikes(fault, 'guardians') && paused) return ofLostLease(point, 'engine', ['lease']);
  if (fault === 'stop, two monitors' && paused)
    return ofLostLease(point, 'guardian', ['lease', 'guest']);
  if (fault !== 'server' || point === 'before-18') return { ...completes, resumedBy: 'engine' };
  // A server that is gone is noticed when it is asked next: at 15, by the flush after the pause.
  const stood = paused || point === 'before-15';
  const resumedBy = stood ? 'engine' : 'nobody';
  return { run: 'fails', kinds: ['destination'], disk: 'source', resumedBy };
}

function ofDeath({ fault, point }: Cell): Expected {
  const alone = strikes(fault, 'guardians') ? 'recover' : 'guardian';
  const disk = pivots(fault) && isCommitted(point) ? 'new' : 'source';
  return { run: 'dies', disk, resumedBy: isPaused(point) ? alone : 'nobody' };
}

/** Up to the swap the engine stands down; what is swapped is done. */
function ofLostLease(
  point: Point,
  resumedBy: 'engine' | 'guardian',
  kinds: readonly string[],
): Expected {
  if (isCommitted(point) || point === 'mid-pivot-mirror')
    return { run: 'completes', disk: 'new', resumedBy };
  const told = point === 'mid-pivot-begin' ? [...kinds, 'hypervisor'] : kinds;
  return { run: 'fails', kinds: told, disk: 'source', resumedBy };
}

/** What `recover` has to say of a dead run: the states of both images. */
export function expectedStates({ fault, point }: Cell): { source: string; destination: string } {
  if (pivots(fault) && isCommitted(point)) return { source: 'stale', destination: 'current' };
  if (point.startsWith('mid-pivot')) return { source: 'current', destination: 'copy' };
  const begun = !['before-1', 'before-2'].includes(point);
  if (!begun) return { source: 'current', destination: 'empty' };
  const uncertain = isPaused(point) && !pivots(fault);
  return { source: 'current', destination: uncertain ? 'uncertain' : 'incomplete' };
}

/**
 * What CI runs: every fault at a point where the guest runs and at one where it stands, where there is
 * such a one, and every point with some fault.
 */
export const SELECTION: readonly Cell[] = selection();

function selection(): Cell[] {
  const cells: Cell[] = [
    { fault: 'engine', point: 'mid-batch' },
    { fault: 'engine', point: 'mid-pause' },
    { fault: 'engine', point: 'mid-pivot-done' },
    { fault: 'engine+guardian', point: 'before-15' },
    { fault: 'engine+guardian', point: 'mid-pivot-mirror' },
    { fault: 'engine+guardians', point: 'before-15' },
    { fault: 'engine+guardians', point: 'before-16' },
    { fault: 'guardian', point: 'before-15' },
    { fault: 'guardian', point: 'before-17' },
    { fault: 'guardians', point: 'before-15' },
    { fault: 'guardians', point: 'mid-pivot-begin' },
    { fault: 'guardian+controller', point: 'before-15' },
    { fault: 'guardian+controller', point: 'before-18' },
    { fault: 'probe', point: 'before-6' },
    { fault: 'probe', point: 'before-16' },
    { fault: 'server', point: 'before-3' },
    { fault: 'server', point: 'mid-last-copy' },
    { fault: 'engine+server', point: 'before-8' },
    { fault: 'engine+server', point: 'before-16' },
    { fault: 'engine+controller', point: 'before-1' },
    { fault: 'engine+controller', point: 'before-17' },
    { fault: 'engine+probe', point: 'mid-drain' },
    { fault: 'engine+probe', point: 'mid-last-copy' },
    { fault: 'controller', point: 'mid-flip' },
    { fault: 'controller', point: 'before-17' },
    { fault: 'stop, one monitor', point: 'before-12' },
    { fault: 'stop, one monitor', point: 'mid-last-copy' },
    { fault: 'stop, two monitors', point: 'before-9' },
    { fault: 'stop, two monitors', point: 'mid-pivot-mirror' },
  ];
  // The engine at whatever is left: a statement in the rounds costs little.
  const met = new Set(cells.map(({ point }) => point));
  const rest = POINTS.filter((point) => !met.has(point));
  return [...cells, ...rest.map((point) => ({ fault: 'engine', point }) as const)];
}
