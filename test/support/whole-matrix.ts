/** Whether all combinations are tried (`npm run test:matrix`), not only what CI has the time for. */
export const wholeMatrix = process.env['MIGRASCOPE_MATRIX'] === '1';
