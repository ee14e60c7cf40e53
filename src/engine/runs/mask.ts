/** Takes secrets out of what is written down: credentials in URIs, passwords and keys among arguments. */

/** What stands in a journal in the place of a secret. */
export const MASK = '***';

const SECRET_NAME = /^(password|passwd|passphrase|secret|token|cookie|key|credentials?)$/i;
/** `scheme://user:password@host`; the last `@` before the path ends the credentials. */
const USER_INFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^/\s"'<>]*@/gi;
/** `password=…`, in a URI's query or among the options of a driver. */
const ASSIGNED =
  /\b(password|passwd|passphrase|secret|token|cookie|key|credentials?)=(?:[^&:;,\s"'\\]|\\.)+/gi;
/** `"password": "…"`, in JSON that is part of a file name. */
const IN_JSON =
  /("[a-z0-9.-]*(?:password|passwd|passphrase|secret|token|cookie|key)"\s*:\s*)"(?:[^"\\]|\\.)*"/gi;
/** The same in JSON that stands in JSON. */
const IN_QUOTED_JSON =
  /(\\"[a-z0-9.-]*(?:password|passwd|passphrase|secret|token|cookie|key)\\"\s*:\s*)\\"[^"]*\\"/gi;

/** The text with what may be a secret in it replaced by `***`. */
export function maskText(text: string): string {
  return text
    .replace(USER_INFO, `$1${MASK}@`)
    .replace(ASSIGNED, `$1=${MASK}`)
    .replace(IN_QUOTED_JSON, `$1\\"${MASK}\\"`)
    .replace(IN_JSON, `$1"${MASK}"`);
}

/** A copy of a JSON value with its secrets masked. */
export function maskSecrets(value: unknown): unknown {
  if (typeof value === 'string') return maskText(value);
  if (Array.isArray(value)) return value.map(maskSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      SECRET_NAME.test(name) && typeof member === 'string' ? MASK : maskSecrets(member),
    ]),
  );
}
