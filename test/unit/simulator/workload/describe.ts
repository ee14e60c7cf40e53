/** Short descriptions for tests, and what is said of wrong ones. */
import { DescriptionError } from '../../../../src/base/errors.js';
import type {
  Files,
  Step,
  WorkloadDescription,
  Writer,
} from '../../../../src/simulator/workload/description.generated.js';
import { parseWorkload } from '../../../../src/simulator/workload/parse.js';
import type { Workload } from '../../../../src/simulator/workload/types.js';
import { createWorkload } from '../../../../src/simulator/workload/workload.js';

export const MIB = 1024 ** 2;
/** A disk of 10,000 pages, so that a share of 1 % is 100 of them. */
export const DISK_BYTES = 10_000 * 4096;

export function described(files: Files[], writers: Writer[]): WorkloadDescription {
  const description = { name: 'test', description: 'For a test.', files, writers };
  return parseWorkload(JSON.stringify(description), 'test.json');
}

/** A workload of one writer, with a file `data` of 1000 pages unless told otherwise. */
export function oneWriter(
  writer: Omit<Writer, 'name' | 'do'> & { do: Step[] },
  files: Files[] = [{ name: 'data', path: '/mnt/data', size: '10 %' }],
  rate = 1,
): Workload {
  const [first, ...rest] = writer.do;
  const description = described(files, [{ ...writer, name: 'writer', do: [first!, ...rest] }]);
  return createWorkload(description, { diskBytes: DISK_BYTES, rate });
}

/** What is wrong with the text, as `LINE:COLUMN: MESSAGE`. */
export function problemsOf(text: string): string[] {
  try {
    parseWorkload(text, 'my.json');
  } catch (error) {
    if (!(error instanceof DescriptionError)) throw error;
    return error.problems.map(({ line, column, message }) => `${line}:${column}: ${message}`);
  }
  return [];
}
