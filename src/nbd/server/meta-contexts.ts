/** Which meta contexts a client means (NBD specification, "Metadata querying"; QEMU's docs/interop/nbd.txt). Pure. */

/** What is done with the contexts that are found. */
export type Purpose = 'list' | 'set';

/**
 * The contexts of an export that match a query, each once, in the export's order. A query is a
 * name; in a list, one that ends in a colon (`base:`, `qemu:`, `qemu:dirty-bitmap:`) stands for
 * all that begin with it, and no query at all for everything. What is not known is ignored.
 */
export function selectContexts(
  offered: readonly string[],
  queries: readonly string[],
  purpose: Purpose,
): string[] {
  if (purpose === 'set') return offered.filter((name) => queries.includes(name));
  if (queries.length === 0) return [...offered];
  const wildcards = queries.filter((query) => query.endsWith(':'));
  return offered.filter(
    (name) => queries.includes(name) || wildcards.some((prefix) => name.startsWith(prefix)),
  );
}
