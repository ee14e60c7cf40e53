/** What the schema has against a description, as sentences that say what is allowed. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { didYouMean } from './closest.js';
import { VERBS, verbsOf } from './meaning.js';
import { schema } from './schema.generated.js';

/** Something that is wrong, and where. */
export interface Objection {
  readonly path: readonly (string | number)[];
  /** A name in the object at `path` that it is about. */
  readonly name?: string;
  readonly message: string;
}

type Path = readonly (string | number)[];
type Definition = keyof typeof schema.$defs;

let ajv: Ajv2020 | undefined;

function validatorOf(definition: Definition | undefined): ValidateFunction {
  if (!ajv) {
    ajv = new Ajv2020({ allErrors: true, verbose: true, strict: true });
    ajv.addSchema(schema);
  }
  const fragment = definition === undefined ? '' : `#/$defs/${definition}`;
  return ajv.getSchema(`${schema.$id}${fragment}`)!;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value as it is shown in a message. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** What a value is called in a message. */
function called(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return 'The description';
  if (typeof last === 'string') return `"${last}"`;
  return `Entry ${last + 1} of ${called(path.slice(0, -1))}`;
}

function quoted(names: Iterable<string>): string {
  return [...names].map((name) => `"${name}"`).join(', ');
}

interface Described {
  readonly description?: string;
  readonly properties?: object;
}

/** The union that the error is about, if it is one of the schema's: they are told apart by hand. */
const UNIONS: Readonly<
  Record<string, (value: unknown) => { branch: Definition } | { message: string }>
> = {
  Step(value) {
    if (!isObject(value)) return { message: schema.$defs.Step.description };
    const verbs = verbsOf(value);
    if (verbs.length === 1) return { branch: capitalized(verbs[0]!) };
    if (verbs.length > 1) {
      return { message: `A step does one thing, and this one does ${quoted(verbs)}.` };
    }
    const meant = Object.keys(value).map((key) => didYouMean(key, VERBS));
    return { message: schema.$defs.Step.description + (meant.find(Boolean) ?? '') };
  },
  Where(value) {
    if (isObject(value)) {
      if ('zipf' in value) return { branch: 'Zipf' };
      if ('hot' in value || 'gets' in value) return { branch: 'Hot' };
    }
    if (typeof value === 'string') return { branch: 'Simple' };
    return { message: schema.$defs.Where.description };
  },
  Sizes: (value) => ({ branch: Array.isArray(value) ? 'SizeRange' : 'Size' }),
};

function capitalized(verb: (typeof VERBS)[number]): Definition {
  return `${verb[0]!.toUpperCase()}${verb.slice(1)}` as Definition;
}

const TYPES: Readonly<Record<string, string>> = {
  object: 'an object in braces',
  array: 'a list in brackets',
  string: 'a text in quotation marks',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

/** One error of Ajv as a sentence. */
function sentence(error: ErrorObject, path: Path): Objection {
  const { keyword, data } = error;
  const parent = error.parentSchema as Described;
  const params = error.params as Record<string, unknown>;
  const limit = String(params.limit);
  const subject = called(path);
  switch (keyword) {
    case 'additionalProperties': {
      const name = String(params.additionalProperty);
      const known = Object.keys(parent.properties ?? {});
      const hint = didYouMean(name, known);
      const message = `${shown(name)} is not known here.${hint} Known are ${quoted(known)}.`;
      return { path, name, message };
    }
    case 'required':
      return { path, message: `${subject} needs "${String(params.missingProperty)}".` };
    case 'type': {
      const wanted = TYPES[String(params.type)] ?? String(params.type);
      return { path, message: `${subject} must be ${wanted}, not ${shown(data)}.` };
    }
    case 'enum': {
      const values = params.allowedValues as unknown[];
      const allowed = values.filter((value) => typeof value === 'string');
      const hint = typeof data === 'string' ? didYouMean(data, allowed) : '';
      return { path, message: `${subject} can't be ${shown(data)}.${hint} ${allowance(parent)}` };
    }
    case 'pattern':
      return { path, message: `${subject} can't be ${shown(data)}. ${allowance(parent)}` };
    case 'minimum':
    case 'minItems':
    case 'minLength':
      return {
        path,
        message: `${subject} must ${measure(keyword)} at least ${limit}${ending(keyword)}.`,
      };
    case 'maximum':
    case 'maxItems':
    case 'maxLength':
      return {
        path,
        message: `${subject} must ${measure(keyword)} at most ${limit}${ending(keyword)}.`,
      };
    default:
      return { path, message: `${subject} can't be ${shown(data)}. ${allowance(parent)}` };
  }
}

function measure(keyword: string): string {
  return keyword.endsWith('imum') ? 'be' : 'have';
}

function ending(keyword: string): string {
  if (keyword.endsWith('Items')) return ' entries';
  return keyword.endsWith('Length') ? ' characters' : '';
}

function allowance({ description = '' }: Described): string {
  return description && `What it can be: ${description[0]!.toLowerCase()}${description.slice(1)}`;
}

/** A JSON pointer as a path; a number for each place in a list. */
function pathOf(pointer: string, value: unknown): { path: Path; value: unknown } {
  let at = value;
  const path: (string | number)[] = [];
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(at) ? Number(name) : name);
    at = (at as Record<string, unknown>)[name];
  }
  return { path, value: at };
}

/** Whether a pointer is one of these, or beneath one. */
function isAtOrBelow(
  pointer: string,
  tops: ReadonlyMap<string, string>,
  strictly: boolean,
): boolean {
  if (!strictly && tops.has(pointer)) return true;
  for (let end = pointer.lastIndexOf('/'); end >= 0; end = pointer.lastIndexOf('/', end - 1)) {
    if (tops.has(pointer.slice(0, end))) return true;
    if (end === 0) break;
  }
  return false;
}

/**
 * What is wrong with the value, by its form alone; about `most` objections, the first ones of each kind.
 * Of a union, only what is wrong with the branch that was meant is told.
 */
export function findObjections(
  value: unknown,
  most: number,
  definition?: Definition,
  prefix: Path = [],
): Objection[] {
  const validate = validatorOf(definition);
  if (validate(value)) return [];
  const errors = validate.errors ?? [];
  const unions = new Map<string, string>();
  for (const { keyword, instancePath, parentSchema } of errors) {
    if (keyword === 'oneOf') unions.set(instancePath, String(parentSchema?.title));
  }
  const objections: Objection[] = [];
  for (const error of errors) {
    if (objections.length >= most) break;
    if (isAtOrBelow(error.instancePath, unions, false)) continue;
    objections.push(sentence(error, [...prefix, ...pathOf(error.instancePath, value).path]));
  }
  let left = most;
  for (const [pointer, title] of unions) {
    if (left <= 0) break;
    if (isAtOrBelow(pointer, unions, true)) continue;
    const at = pathOf(pointer, value);
    const path = [...prefix, ...at.path];
    const choice = UNIONS[title]!(at.value);
    const found =
      'branch' in choice
        ? findObjections(at.value, left, choice.branch, path)
        : [{ path, message: `${called(path)} can't be used. ${choice.message}` }];
    objections.push(...found);
    left -= found.length;
  }
  return objections;
}
