/** A workload's description, by what a person calls it. */
import {
  builtInWorkloads,
  readWorkload,
  workloadCalled,
  type WorkloadDescription,
} from './workload/index.js';

/**
 * The description that a person means: a built-in workload's name, or the path of a file.
 * @throws UsageError when it is neither, or the file is wrong; what is wrong is told by line.
 */
export function describedWorkload(nameOrPath: string): Promise<WorkloadDescription> {
  const isPath = /[/\\.]/.test(nameOrPath) && !builtInWorkloads.includes(nameOrPath);
  return isPath
    ? readWorkload(nameOrPath)
    : Promise.resolve().then(() => workloadCalled(nameOrPath));
}
