/** The schema of the control socket, for tests of what is said on it. */
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

const schema = JSON.parse(
  readFileSync(new URL('../../../protocol/control.schema.json', import.meta.url), 'utf8'),
) as { $id: string; $defs: object };
const ajv = new Ajv2020({ allowUnionTypes: true });
ajv.addSchema(schema);

/** Whether something is one of these definitions of the schema. */
export function isOneOf(...definitions: readonly string[]): ValidateFunction {
  return ajv.compile({
    anyOf: definitions.map((name) => ({ $ref: `${schema.$id}#/$defs/${name}` })),
  });
}

/** Whether a run may say it to a controller. */
export const isSaidByRun = isOneOf('Reply', 'Refusal', 'EventNote', 'LogNote', 'EndedNote');
