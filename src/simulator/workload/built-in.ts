/** The workloads that Migrascope brings along: descriptions like any other, in built-in/. */
import { UsageError } from '../../base/errors.js';
import bootStorm from './built-in/boot-storm.json' with { type: 'json' };
import build from './built-in/build.json' with { type: 'json' };
import databaseCheckpoint from './built-in/database-checkpoint.json' with { type: 'json' };
import database from './built-in/database.json' with { type: 'json' };
import idle from './built-in/idle.json' with { type: 'json' };
import mailServer from './built-in/mail-server.json' with { type: 'json' };
import packageUpgrade from './built-in/package-upgrade.json' with { type: 'json' };
import randomRewrite from './built-in/random-rewrite.json' with { type: 'json' };
import sequentialLog from './built-in/sequential-log.json' with { type: 'json' };
import smallFiles from './built-in/small-files.json' with { type: 'json' };
import zipfRewrite from './built-in/zipf-rewrite.json' with { type: 'json' };
import { closest } from '../../base/closest.js';
import type { WorkloadDescription } from './description.generated.js';
import { parseWorkload } from './parse.js';

const DESCRIPTIONS: ReadonlyMap<string, object> = new Map(
  [
    idle,
    randomRewrite,
    zipfRewrite,
    sequentialLog,
    database,
    smallFiles,
    bootStorm,
    mailServer,
    databaseCheckpoint,
    packageUpgrade,
    build,
  ].map((description) => [description.name, description]),
);

/** The names of the built-in workloads: first those of the real lab, then the others. */
export const builtInWorkloads: readonly string[] = [...DESCRIPTIONS.keys()];

/**
 * The built-in description of that name.
 * @throws UsageError when there is none.
 */
export function workloadCalled(name: string): WorkloadDescription {
  const description = DESCRIPTIONS.get(name);
  if (description) return parseWorkload(JSON.stringify(description), name);
  const meant = closest(name, builtInWorkloads);
  throw new UsageError(`There is no workload called "${name}".`, {
    hint:
      (meant === undefined ? '' : `Did you mean "${meant}"? `) +
      `There are ${builtInWorkloads.join(', ')}; or give a file with a description of your own.`,
  });
}
