/**
 * The types of QAPI, as far as commands here use them: each checks a value, and refuses another in
 * the words of QEMU's visitor. A command's arguments are described with them, once, and typed by it.
 */
import { isArray, isObject } from './json-value.js';
import type { JsonObject, JsonValue } from './json-value.js';
import { refusal } from './refusal.js';

/** A QAPI type. `name` is the member that is looked at, for errors that QEMU words without its path. */
export interface QapiType<T> {
  check(value: JsonValue, path: string, name: string): T;
}

/** A member that may be left out. */
export interface OptionalMember<T> {
  readonly optional: QapiType<T>;
}

/** Members by their names, in the order in which QEMU looks at them. */
export type Members = Readonly<Record<string, QapiType<unknown> | OptionalMember<unknown>>>;

type OptionalNames<M extends Members> = {
  [K in keyof M]: M[K] extends OptionalMember<unknown> ? K : never;
}[keyof M];

/** What checked members are. */
export type Checked<M extends Members> = {
  readonly [K in Exclude<keyof M, OptionalNames<M>>]: M[K] extends QapiType<infer T> ? T : never;
} & {
  readonly [K in OptionalNames<M>]?: M[K] extends OptionalMember<infer T> ? T : never;
};

/** What a type's values are. */
export type ValueOf<Q> = Q extends QapiType<infer T> ? T : never;

const wrongType = (path: string, expected: string) =>
  refusal(`Invalid parameter type for '${path}', expected: ${expected}`);
const outOfRange = (name: string, expected: string) =>
  refusal(`Parameter '${name}' expects ${expected}`);
const missing = (path: string) => refusal(`Parameter '${path}' is missing`);

/** `str` */
export const str: QapiType<string> = {
  check(value, path) {
    if (typeof value !== 'string') throw wrongType(path, 'string');
    return value;
  },
};

/** `bool` */
export const bool: QapiType<boolean> = {
  check(value, path) {
    if (typeof value !== 'boolean') throw wrongType(path, 'boolean');
    return value;
  },
};

/** `int`: 64 bits with a sign. What a number can't hold exactly is rounded. */
export const int: QapiType<number> = {
  check(value, path) {
    const whole = typeof value === 'bigint' || Number.isInteger(value);
    if (!whole || Number(value) >= 2 ** 63 || Number(value) < -(2 ** 63)) {
      throw wrongType(path, 'integer');
    }
    return Number(value);
  },
};

/** `uint64` and `size`; a negative number counts from the upper end, as in QEMU. */
export const size: QapiType<number> = {
  check(value, path) {
    if (typeof value !== 'bigint' && !Number.isInteger(value)) throw outOfRange(path, 'uint64');
    const number = Number(value);
    if (number >= 2 ** 64 || number < -(2 ** 63)) throw outOfRange(path, 'uint64');
    return number < 0 ? number + 2 ** 64 : number;
  },
};

/** `uint32` */
export const uint32: QapiType<number> = {
  check(value, path, name) {
    const number = size.check(value, path, name);
    if (number > 0xffff_ffff) throw outOfRange(name, 'uint32_t');
    return number;
  },
};

/** `any` */
export const any: QapiType<JsonValue> = { check: (value) => value };

/** An enumeration. */
export function oneOf<const T extends string>(...values: readonly T[]): QapiType<T> {
  return {
    check(value, path, name) {
      const text = str.check(value, path, name);
      const found = values.find((known) => known === text);
      if (found === undefined) {
        throw refusal(`Parameter '${name}' does not accept value '${text}'`);
      }
      return found;
    },
  };
}

/** A list. */
export function list<T>(of: QapiType<T>): QapiType<readonly T[]> {
  return {
    check(value, path) {
      if (!isArray(value)) throw wrongType(path, 'array');
      return value.map((item, index) => of.check(item, `${path}[${index}]`, 'null'));
    },
  };
}

/** Marks a member that may be left out. */
export function optional<T>(type: QapiType<T>): OptionalMember<T> {
  return { optional: type };
}

/** An object with these members and no others. */
export function struct<M extends Members>(members: M): QapiType<Checked<M>> {
  return {
    check(value, path) {
      if (!isObject(value)) throw wrongType(path, 'object');
      return checkMembers(members, value, path);
    },
  };
}

/**
 * An object whose members depend on one of them.
 * @param base members of all, `discriminator` among them.
 * @param branches further members, by the discriminator's value.
 */
export function union<
  B extends Members,
  D extends keyof B & string,
  R extends Readonly<Record<string, Members>>,
>(
  base: B,
  discriminator: D,
  branches: R,
): QapiType<
  {
    [K in keyof R & string]: Checked<Omit<B, D>> & Readonly<Record<D, K>> & Checked<R[K]>;
  }[keyof R & string]
> {
  return {
    check(value, path) {
      if (!isObject(value)) throw wrongType(path, 'object');
      const kind = value[discriminator];
      const branch =
        typeof kind === 'string' && Object.hasOwn(branches, kind) ? branches[kind] : {};
      return checkMembers({ ...base, ...branch }, value, path) as never;
    },
  };
}

/** A name of something, or its definition in place. */
export function stringOr<T>(name: string, definition: QapiType<T>): QapiType<string | T> {
  return {
    check(value, path, member) {
      if (typeof value === 'string') return value;
      if (!isObject(value)) throw wrongType(member, name);
      return definition.check(value, path, member);
    },
  };
}

function checkMembers<M extends Members>(members: M, value: JsonObject, path: string): Checked<M> {
  const full = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const checked: [string, unknown][] = [];
  for (const [name, member] of Object.entries(members)) {
    const present = Object.hasOwn(value, name);
    if (!present && 'optional' in member) continue;
    if (!present) throw missing(full(name));
    const type = 'optional' in member ? member.optional : member;
    checked.push([name, type.check(value[name]!, full(name), name)]);
  }
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(members, name));
  if (unknown !== undefined) throw refusal(`Parameter '${full(unknown)}' is unexpected`);
  return Object.fromEntries(checked) as Checked<M>;
}
