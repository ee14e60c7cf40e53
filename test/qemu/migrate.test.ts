/**
 * Every policy moves the disk of a real guest that is busy with each workload, and the guest goes on
 * with the new disk, unharmed. CI runs a selection in which every two of workload, kernel, file
 * system, policy and new image's format meet. With MIGRASCOPE_MATRIX=1 all combinations run, and the
 * result is written to docs/matrix.md.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PolicyName } from '../../src/engine/index.js';
import {
  FILE_SYSTEMS,
  KERNEL_VERSIONS,
  WORKLOADS,
  type FileSystem,
  type KernelVersion,
  type WorkloadName,
} from '../../src/lab/index.js';
import { wholeMatrix } from '../support/whole-matrix.js';
import { checkFileSystem } from './support/lab.js';
import { gateAt, MigrationLab, type Watched } from './support/migration.js';
import { assertNothingLeft } from './support/qemu-leftovers.js';
import { MiB, run } from './support/qemu-process.js';

type Format = 'raw' | 'qcow2';

/** A guest, and how its disk is moved, one move after another. */
interface Combination {
  readonly workload: WorkloadName;
  readonly kernelVersion: KernelVersion;
  readonly fileSystem: FileSystem;
  readonly moves: readonly Move[];
}

interface Move {
  readonly policy: PolicyName;
  /** Of the new image. */
  readonly format: Format;
}

const POLICIES: readonly PolicyName[] = ['plain', 'history', 'cache'];
const FORMATS: readonly Format[] = ['raw', 'qcow2'];

/** Each workload in two guests that differ in kernel and file system; one is moved twice, one once. */
const SELECTION: readonly Combination[] = WORKLOADS.flatMap((workload, index) => {
  const fileSystems = index % 2 === 0 ? FILE_SYSTEMS : [...FILE_SYSTEMS].reverse();
  const policies = [0, 1, 2].map((step) => POLICIES[(index + step) % POLICIES.length]!);
  const formats = [FORMATS[index < 3 ? 0 : 1]!, ...FORMATS];
  const moves = policies.map((policy, step) => ({ policy, format: formats[step]! }));
  return KERNEL_VERSIONS.map((kernelVersion, guest) => ({
    workload,
    kernelVersion,
    fileSystem: fileSystems[guest]!,
    moves: guest === 0 ? moves.slice(1) : moves.slice(0, 1),
  }));
});

const ALL: readonly Combination[] = WORKLOADS.flatMap((workload) =>
  KERNEL_VERSIONS.flatMap((kernelVersion) =>
    FILE_SYSTEMS.map((fileSystem) => ({
      workload,
      kernelVersion,
      fileSystem,
      moves: POLICIES.flatMap((policy) => FORMATS.map((format) => ({ policy, format }))),
    })),
  ),
);

const rows: string[] = [];

it('has every two of workload, kernel, file system, policy and format meet', () => {
  expect(pairsOf(SELECTION)).toEqual(pairsOf(ALL));
});

describe.each(wholeMatrix ? ALL : SELECTION)(
  '$workload on $fileSystem, kernel $kernelVersion',
  (combination) => {
    let lab: MigrationLab;
    /** The image that the guest has, and its format. */
    let image: { path: string; format: Format };

    beforeAll(async () => {
      // The smallest file system that mkfs.xfs makes has 300 MiB.
      const size = combination.fileSystem === 'xfs' ? 320 * MiB : 160 * MiB;
      lab = await MigrationLab.boot({ ...combination, format: 'raw', size });
      image = { path: lab.guest.disks[0]!.image, format: 'raw' };
      // Written back after 3 s, not 30, so that much of it falls into the migration.
      await lab.lab.run(
        'echo 300 >/proc/sys/vm/dirty_expire_centisecs; echo 100 >/proc/sys/vm/dirty_writeback_centisecs',
      );
    });
    afterAll(() => lab[Symbol.asyncDispose]());

    it.each(combination.moves)(
      '$policy, to $format: goes on with the new disk, whole',
      async (move) => {
        const { policy, format } = move;
        const target = { path: lab.newPath(), format };
        const result = await moveTo(lab, policy, image, target);
        expect(result.error).toBeUndefined();
        expect(result.summary).toMatchObject({
          outcome: 'completed',
          policy,
          converged: true,
          verified: true,
          switchedOver: true,
          guest: 'running',
          fallback: false,
        });
        expect(result.summary.probe).toBe(policy === 'cache' ? 'kcore' : 'none');
        await assertNothingLeft(lab.monitor);
        expect(await lab.diskNode()).toBe(result.summary.disk);

        const left = { ...image, hash: await hashOf(image.path) };
        image = target;
        const { mtimeMs } = await stat(image.path);
        await lab.lab.run('echo afterwards >/mnt/afterwards; sync');
        expect((await stat(image.path)).mtimeMs).toBeGreaterThan(mtimeMs);
        expect(await lab.lab.verify()).toBeGreaterThan(0);
        if (combination.fileSystem === 'ext4') {
          await lab.lab.run('fsfreeze --freeze /mnt');
          await expectCleanFileSystem(lab, image, 'ext4').finally(() =>
            lab.lab.run('fsfreeze --unfreeze /mnt'),
          );
        }
        expect(await hashOf(left.path)).toBe(left.hash);
        await rm(left.path);
        rows.push(rowOf(combination, format, result));
      },
    );

    it('has a clean file system when it is unmounted in the end', async () => {
      await lab.lab.run(
        'kill $(cat /run/workload.pid); sync; until umount /mnt; do sleep 0.1; done',
      );
      await expectCleanFileSystem(lab, image, combination.fileSystem);
    });
  },
);

afterAll(async () => {
  if (wholeMatrix) await writeFile('docs/matrix.md', tableOf(rows));
});

/** Every two values that meet in a move. */
function pairsOf(combinations: readonly Combination[]): string[] {
  const pairs = combinations.flatMap(({ workload, kernelVersion, fileSystem, moves }) =>
    moves.flatMap(({ policy, format }) => {
      const values = [workload, kernelVersion, fileSystem, policy, format];
      return values.flatMap((one, index) =>
        values.slice(index + 1).map((other) => `${one} with ${other}`),
      );
    }),
  );
  return [...new Set(pairs)].sort();
}

/** Migrates with pivot; while the guest is still paused at the end, old state and new image must be equal. */
async function moveTo(
  lab: MigrationLab,
  policy: PolicyName,
  from: { path: string; format: Format },
  to: { path: string; format: Format },
): Promise<Watched> {
  const compared: string[] = [];
  const result = await lab.migrate({
    disk: 'vda',
    policy,
    maxBandwidth: 64 * MiB,
    destination: { type: 'file', ...to, overwrite: false },
    gate: gateAt(18, async () => {
      const formats = ['-f', from.format, '-F', to.format];
      await run('qemu-img', ['compare', '-U', ...formats, from.path, to.path]);
      compared.push(to.path);
    }),
  });
  if (!result.error) expect(compared).toEqual([to.path]);
  return result;
}

/** The guest must not write meanwhile. A frozen xfs still has a log to replay: unmount that. */
async function expectCleanFileSystem(
  lab: MigrationLab,
  image: { path: string; format: Format },
  fileSystem: FileSystem,
): Promise<void> {
  const copy = join(lab.folder, 'at-rest');
  await run('qemu-img', ['convert', '-U', '-f', image.format, '-O', 'raw', image.path, copy]);
  await checkFileSystem(copy, fileSystem);
  await rm(copy);
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha1');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function rowOf(
  { workload, kernelVersion, fileSystem }: Combination,
  format: Format,
  { summary }: Watched,
): string {
  const mib = (bytes: number) => (bytes / MiB).toFixed(1);
  const figures = [
    mib(summary.sentBytes),
    mib(summary.resentBytes),
    summary.rounds,
    (summary.totalMs / 1000).toFixed(1),
    Math.round(summary.downtimeMs),
  ];
  const where = [workload, kernelVersion, fileSystem, format, summary.policy];
  return `| ${[...where, ...figures].join(' | ')} |`;
}

function tableOf(lines: readonly string[]): string {
  return `# The last run of the whole matrix

Every line is a busy guest that was moved, went on with its new disk, and was found unharmed: its
files are what it wrote, its file system is clean, and while it was paused both disks were equal.
Made by \`npm run test:matrix\`.

| workload | kernel | file system | new image | policy | sent MiB | re-sent MiB | rounds | total s | downtime ms |
|---|---|---|---|---|---|---|---|---|---|
${lines.join('\n')}
`;
}
