/** The QMP commands on jobs (qapi/job.json, qapi/block-core.json). */
import { command, refusal } from '../qmp/index.js';
import type { QmpCommand } from '../qmp/index.js';
import { bool, int, oneOf, optional, str, uint32 } from '../qmp/types.js';
import type { ValueOf } from '../qmp/types.js';
import type { BlockGraph } from './block-graph.js';
import type { BlockNode } from './block-node.js';
import { createOptions } from './blockdev.js';
import type { SimulatedFiles } from './files.js';
import type { Jobs, JobWorld } from './jobs.js';
import { startMirror } from './mirror.js';

export interface JobParts {
  readonly jobs: Jobs;
  readonly world: JobWorld;
  readonly graph: BlockGraph;
  readonly files: SimulatedFiles;
  /** Is called once the users of the one node have the other. */
  readonly swapped: (from: BlockNode, to: BlockNode) => void;
}

const onError = oneOf('report', 'ignore', 'enospc', 'stop', 'auto');
const mirrorArguments = {
  'job-id': optional(str),
  device: str,
  target: str,
  replaces: optional(str),
  sync: oneOf('top', 'full', 'none', 'incremental', 'bitmap'),
  speed: optional(int),
  granularity: optional(uint32),
  'buf-size': optional(int),
  'on-source-error': optional(onError),
  'on-target-error': optional(onError),
  'filter-node-name': optional(str),
  'copy-mode': optional(oneOf('background', 'write-blocking')),
  'auto-finalize': optional(bool),
  'auto-dismiss': optional(bool),
};

export function jobCommands(parts: JobParts): QmpCommand[] {
  const { jobs } = parts;
  const id = { id: str };
  return [
    command('blockdev-create', { 'job-id': str, options: createOptions }, (args) =>
      create(parts, args['job-id'], args.options),
    ),
    command('blockdev-mirror', mirrorArguments, (args) => {
      requireSimple(args);
      const source = parts.graph.lookUp(args.device, 'or device');
      const target = parts.graph.lookUp(args.target, 'or device');
      const jobId = args['job-id'] ?? '';
      jobs.checkId(jobId);
      const work = startMirror({ ...parts, id: jobId, source, target });
      const job = jobs.start({ id: jobId, autoDismiss: args['auto-dismiss'] ?? true }, work);
      parts.world.later(() => job.ready());
    }),
    command('block-job-cancel', { device: str, force: optional(bool) }, ({ device, force }) =>
      jobs.getBlockJob(device).cancel(force ?? false),
    ),
    command('job-cancel', id, (args) => jobs.get(args.id).cancel(true)),
    command('job-complete', id, (args) => jobs.get(args.id).complete()),
    command('job-dismiss', id, (args) => jobs.get(args.id).dismiss()),
    command('query-jobs', {}, () =>
      jobs.all.map(({ id: name, work, status, error }) => ({
        'current-progress': status === 'concluded' && work.type === 'create' ? 1 : 0,
        status,
        'total-progress': work.type === 'create' ? 1 : 0,
        type: work.type,
        id: name,
        ...(error === undefined ? {} : { error }),
      })),
    ),
    command('query-block-jobs', {}, () => queryBlockJobs(jobs)),
  ];
}

/** @throws QmpCommandError for what the simulated machine does not do. */
function requireSimple(args: {
  readonly sync: string;
  readonly replaces?: string;
  readonly 'auto-finalize'?: boolean;
}): void {
  if (args.sync !== 'none') {
    throw refusal(`The simulated machine mirrors with sync 'none' only, not '${args.sync}'`);
  }
  if (args.replaces !== undefined || args['auto-finalize'] === false) {
    throw refusal("The simulated machine mirrors without 'replaces' and with 'auto-finalize' only");
  }
}

function create(
  { jobs, world, files, graph }: JobParts,
  id: string,
  options: ValueOf<typeof createOptions>,
): void {
  jobs.checkId(id);
  const work = { type: 'create', complete: () => undefined, release: () => undefined } as const;
  const job = jobs.start({ id, autoDismiss: false }, work);
  const make = (): void => {
    if (options.driver === 'file') {
      files.create(options.filename, options.size);
      return;
    }
    if (options.size % 512 !== 0) throw refusal('Image size must be a multiple of 512 bytes');
    const { file } = options;
    const path =
      typeof file === 'string' ? graph.lookUp(file, 'node only').options.filename : fileName(file);
    files.format(path, options.size);
  };
  world.later(() => job.run(make));
}

function fileName(file: { readonly driver: string; readonly filename?: string }): string {
  if (file.filename !== undefined) return file.filename;
  throw refusal(`The simulated machine makes images in files only, not in ${file.driver}`);
}

function queryBlockJobs(jobs: Jobs) {
  return jobs.all
    .filter(({ work, status }) => work.type !== 'create' && status !== 'null')
    .map(({ id, work, status, error, options }) => ({
      'auto-finalize': true,
      'io-status': 'ok',
      device: id,
      'auto-dismiss': options.autoDismiss,
      busy: status === 'running',
      len: 0,
      offset: 0,
      status,
      paused: false,
      speed: 0,
      ready: status === 'ready',
      type: work.type,
      ...(error === undefined ? {} : { error }),
    }));
}
