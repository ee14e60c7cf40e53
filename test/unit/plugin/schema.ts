/** The schema of the plugin protocol, for tests of what is said in it. */
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export const schema = JSON.parse(
  readFileSync(new URL('../../../protocol/plugin.schema.json', import.meta.url), 'utf8'),
) as { readonly $id: string; readonly $defs: Readonly<Record<string, object>> };
const ajv = new Ajv2020({ allowUnionTypes: true });
ajv.addSchema(schema);

/** Whether something is what this definition of the schema says. */
export function isA(definition: string): ValidateFunction {
  return ajv.compile({ $ref: `${schema.$id}#/$defs/${definition}` });
}
