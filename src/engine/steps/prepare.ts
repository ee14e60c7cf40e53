/** Statements 1 to 3: connect, track, and find what has to be sent. */
import { DestinationError, HypervisorError, UsageError } from '../../base/errors.js';
import type {
  AddedPort,
  Destination,
  GuestDisk,
  PivotDestination,
  SourceDisk,
} from '../../hypervisor/types.js';
import type { NbdConnection } from '../../nbd/types.js';
import {
  BlockSet,
  blockCount,
  blockGeometry,
  encodeRuns,
  type BlockGeometry,
} from '../blockset/index.js';
import type { GuestCache } from '../guest-cache.js';
import { Ledger } from '../ledger.js';
import { PlainShadow } from '../plain-shadow.js';
import { WriteHistory } from '../policy/index.js';
import { note } from '../pause.js';
import { policyName } from '../planning.js';
import type { Continuation } from '../options.js';
import type { Connected, Run } from '../run.js';
import { openCache } from './probe.js';
import { Tracker } from '../tracker.js';
import { watchGuest } from '../watch.js';
import { ALLOCATION, notZeroes, Transfer } from '../transfer.js';

/** What is open so far is let go of by `release`, also when a later part of it fails. */
export interface Opened {
  source?: SourceDisk;
  destination?: Destination;
  connections: NbdConnection[];
  cache?: GuestCache;
  /** A port for the probe that was added to the guest. */
  probePort?: AddedPort;
  tracker?: Tracker;
  /** Ends the listening to the guest's events. */
  unwatch?: () => void;
}

/** Statement 1. */
export async function connect(run: Run, opened: Opened): Promise<void> {
  const { options, parts, signal } = run;
  const hypervisor = await parts.connectHypervisor(signal);
  run.hypervisor = hypervisor;
  opened.unwatch = hypervisor.onGuestEvent((event) => watchGuest(run, event));
  const disk = findDisk(await hypervisor.disks(signal), options.disk, hypervisor.name);
  run.diskName = disk.name;
  const geometry = blockGeometry(options.granularity, disk.size);
  const { image, format, size } = disk;
  const where = { hypervisor: hypervisor.name, disk: disk.name };
  const { continuation } = parts;
  if (!continuation) await note(run, { type: 'source', ...where, image, format, size });
  else checkContinues(continuation, disk);
  const source = await hypervisor.openSource(
    disk,
    {
      run: parts.run,
      granularity: options.granularity,
      ...(continuation ? { after: continuation.flip } : {}),
    },
    signal,
  );
  opened.source = source;
  const { destination, pivot } = await openDestination(run, source);
  opened.destination = destination;
  if (!continuation) emitStart(run, hypervisor.name, disk, destination);

  const history = new WriteHistory();
  await beginPlanning(run, disk, geometry, history);
  const cache = await openCache(run, opened, disk, geometry);
  opened.cache = cache;
  const ends = {
    source: await connectNbd(run, opened, source.uri),
    destination: await connectNbd(run, opened, destination.uri),
    destinationName: destination.name,
  };
  checkSource(ends.source, disk, options.granularity);
  checkDestination(ends.destination, disk, options.granularity, destination.name);
  const ledger = new Ledger(geometry, continuation);
  const tracker = new Tracker(source, geometry, parts.clock, {
    onDirty: (blocks, sinceMs, flip) => {
      const bytes = blocks.bytes(geometry);
      run.dirtyRate.add(bytes, sinceMs);
      history.record(blocks, parts.clock.now());
      run.shadow?.advance(sinceMs, run.bytesPerSecond, blocks);
      run.emit({ type: 'dirty', sinceMs, blocks: encodeRuns(blocks), bytes, flip });
    },
    onFailure: (error) => run.fail(error),
  });
  opened.tracker = tracker;
  const transfer = new Transfer(ends, geometry, {
    send: run.throttle,
    readBack: run.readBackThrottle,
  });
  await transfer.prime(run.signal);
  const connected: Connected = {
    source,
    destination,
    pivot,
    ends,
    transfer,
    tracker,
    ledger,
    cache,
    history,
    geometry,
  };
  run.connected = connected;
  if (options.trim) await trim(run);
}

function beginPlanning(
  run: Run,
  { name, size }: GuestDisk,
  geometry: BlockGeometry,
  history: WriteHistory,
): Promise<void> {
  const warn = (message: string, hint?: string) =>
    run.emit({ type: 'warning', message, ...(hint ? { hint } : {}) });
  const disk = { name, size };
  const context = { run: run.parts.run, disk, geometry, history, warn };
  return run.planner.begin(context, run.signal);
}

/** Statement 2. */
export async function startTracking(run: Run): Promise<void> {
  await note(run, { type: 'tracking' });
  await run.open.source.startTracking(run.signal);
  run.tracks = true;
  run.open.tracker.start(run.parts.continuation?.agoMs);
}

/** Statement 3. */
export async function takeAllocated(run: Run): Promise<void> {
  const { continuation } = run.parts;
  if (continuation) {
    await takeReplayed(run, continuation);
    return;
  }
  const { ends, geometry, destination, transfer } = run.open;
  run.pending = await notZeroes(ends.source, geometry, run.signal);
  const bytes = run.bytesOf(run.pending);
  run.emit({ type: 'allocated', blocks: encodeRuns(run.pending), bytes });
  run.shadow = new PlainShadow(run.pending, geometry, (blocks) => run.fits(blocks));
  if (!destination.readsAsZeroes)
    await transfer.zero(run.pending.complement(0, blockCount(geometry)), run.signal);
}

/**
 * Statement 3 of a run that another process had begun. Where the server of the destination was ended
 * since, what it had not written yet may be lost: what was sent is compared, and sent again where it
 * differs.
 */
async function takeReplayed(run: Run, { pending, sent }: Continuation): Promise<void> {
  const { geometry, pivot } = run.open;
  run.pending = pending;
  await run.flip();
  let lost = BlockSet.empty;
  if (!pivot) {
    const claimed = sent.difference(run.pending);
    const differing = await run.compare(claimed);
    run.verified = claimed.difference(differing);
    await run.flip();
    lost = differing.difference(run.pending);
    run.pending = run.pending.union(lost);
  }
  run.emit({
    type: 'taken-over',
    pending: encodeRuns(run.pending),
    pendingBytes: run.bytesOf(run.pending),
    keptBytes: sent.difference(run.pending).bytes(geometry),
    lostBytes: run.bytesOf(lost),
  });
}

/** @throws HypervisorError when the disk is another one by now. */
function checkContinues({ geometry }: Continuation, { name, size }: GuestDisk): void {
  if (size === geometry.size) return;
  throw new HypervisorError(
    `The disk ${name} has ${size} bytes, and had ${geometry.size} when the run was begun.`,
    { hint: 'Put right what the run left with `migrascope recover`, and begin it anew.' },
  );
}

function findDisk(disks: readonly GuestDisk[], name: string, host: string): GuestDisk {
  const disk = disks.find((each) => each.name === name || each.aliases.includes(name));
  if (disk) return disk;
  const names = disks.map((each) => each.name).join(', ');
  throw new UsageError(`There is no disk ${name} on ${host}.`, {
    hint: names ? `Its disks are: ${names}.` : 'Its guest has no disk.',
  });
}

async function openDestination(
  run: Run,
  source: SourceDisk,
): Promise<{ destination: Destination; pivot: PivotDestination | undefined }> {
  const { options, parts, signal } = run;
  const request = options.destination;
  const { continuation } = parts;
  const made = continuation?.made;
  const reopening = continuation ? { reopens: made ? { made } : {} } : {};
  if (!options.pivot) {
    const disk = { size: source.disk.size, ...reopening };
    return { destination: await parts.openDestination(request, disk, signal), pivot: undefined };
  }
  if (request.type !== 'file')
    throw new UsageError('The guest can only be pivoted to an image that its own QEMU opens.', {
      hint: 'Use --to file:PATH with --pivot, or leave --pivot out.',
    });
  const { path, format, overwrite, tuning } = request;
  const pivot = await run.hypervisor!.openPivot(
    source,
    { run: parts.run, path, format, overwrite, ...tuning, ...reopening },
    signal,
  );
  return { destination: pivot, pivot };
}

async function connectNbd(run: Run, opened: Opened, uri: string): Promise<NbdConnection> {
  const { signal } = run;
  const connection = await run.parts.connectNbd(uri, { metaContexts: [ALLOCATION], signal });
  opened.connections.push(connection);
  return connection;
}

function checkSource({ info }: NbdConnection, disk: GuestDisk, granularity: number): void {
  if (info.size !== disk.size)
    throw new HypervisorError(
      `The export of the disk ${disk.name} has ${info.size} bytes, and the disk ${disk.size}.`,
      { hint: 'Was it resized? Start the migration again.' },
    );
  if (granularity > info.maximumPayload || granularity % info.minimumBlock !== 0)
    throw new UsageError(
      `The disk ${disk.name} can be read in ${info.minimumBlock} to ${info.maximumPayload} bytes at a time, and a block has ${granularity}.`,
      { hint: 'Choose another --granularity.' },
    );
}

function checkDestination(
  destination: NbdConnection,
  disk: GuestDisk,
  granularity: number,
  name: string,
): void {
  const { info } = destination;
  if (info.size < disk.size)
    throw new DestinationError(
      `The destination ${name} is too small: ${info.size} bytes, and the disk ${disk.name} has ${disk.size}.`,
      { hint: 'Give a destination of at least the size of the disk.' },
    );
  if (info.readOnly)
    throw new DestinationError(`The destination ${name} is read-only.`, {
      hint: 'Export it for writing.',
    });
  if (granularity > info.maximumPayload || granularity % info.minimumBlock !== 0)
    throw new DestinationError(
      `The destination ${name} takes requests of ${info.minimumBlock} to ${info.maximumPayload} bytes, and a block has ${granularity}.`,
      { hint: 'Choose another --granularity.' },
    );
  if (disk.size % info.minimumBlock !== 0)
    throw new DestinationError(
      `The destination ${name} is written ${info.minimumBlock} bytes at a time, and the disk's ${disk.size} bytes are not a multiple of it.`,
      { hint: 'Choose another destination, or resize the disk.' },
    );
}

function emitStart(run: Run, host: string, disk: GuestDisk, destination: Destination): void {
  const { options, parts } = run;
  const { name, size, image, format } = disk;
  run.emit({
    type: 'start',
    protocol: '1.1',
    run: parts.run,
    startedAt: parts.startedAt.toISOString(),
    host,
    disk: { name, size, image, format },
    granularity: options.granularity,
    destination: destination.name,
    policy: policyName(options, parts),
    limits: run.limits,
    verify: options.verify,
    pivot: options.pivot,
  });
}

async function trim(run: Run): Promise<void> {
  const { cache } = run.open;
  if (cache.available) await cache.trim(run.signal);
  else
    run.emit({
      type: 'warning',
      message: 'The disk was not trimmed: the guest has no probe.',
      hint: 'Run fstrim in the guest, or leave --trim out.',
    });
}
