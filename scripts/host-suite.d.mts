/** Types of host-suite.mjs, for the tests. */
export function bundleHostSuite(): Promise<string>;
