/** Whether what a plugin says is what the schema wants; the validators are made when they are first needed. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { ProtocolError } from '../base/errors.js';
import { schema } from './schema.generated.js';

const validators = new Map<string, ValidateFunction>();
let ajv: Ajv2020 | undefined;

function compiler(): Ajv2020 {
  if (ajv) return ajv;
  ajv = new Ajv2020({ allowUnionTypes: true });
  ajv.addSchema(schema);
  return ajv;
}

function validatorOf(definition: string): ValidateFunction {
  const known = validators.get(definition);
  if (known) return known;
  const made = compiler().compile({ $ref: `${schema.$id}#/$defs/${definition}` });
  validators.set(definition, made);
  return made;
}

/** What is wrong with a value, as part of a sentence; nothing where it is what the definition says. */
export function offenceAgainst(definition: string, value: unknown): string | undefined {
  const validate = validatorOf(definition);
  if (validate(value)) return undefined;
  const [first] = validate.errors ?? [];
  const where = first?.instancePath.replaceAll('/', '.').replace(/^\./, '') ?? '';
  return `${where === '' ? 'it' : `'${where}'`} ${first?.message ?? 'is wrong'}`;
}

/** @throws ProtocolError when it is not what the definition says. */
export function checked(definition: string, value: unknown, what: string): unknown {
  const offence = offenceAgainst(definition, value);
  if (offence !== undefined) throw new ProtocolError(`${what} is wrong: ${offence}.`);
  return value;
}
