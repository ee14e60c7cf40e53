/** The objects of the machine (QOM): its devices by their paths, with their properties. */
import { refusal } from '../qmp/index.js';
import type { JsonValue } from '../qmp/index.js';

/** One object. */
export interface QomObject {
  readonly type: string;
  /** Each with its QOM type and its value. */
  readonly properties?: Readonly<Record<string, readonly [type: string, value: JsonValue]>>;
  readonly children?: Readonly<Record<string, QomObject>>;
}

/** @throws QmpCommandError when there is no such object. */
function resolve(root: QomObject, path: string): QomObject {
  let object: QomObject | undefined = root;
  for (const name of path.split('/').filter((part) => part !== '')) {
    object = Object.hasOwn(object.children ?? {}, name) ? object.children?.[name] : undefined;
    if (!object) throw refusal(`Device '${path}' not found`, 'DeviceNotFound');
  }
  return object;
}

/** As qom-list. @throws QmpCommandError */
export function listObject(root: QomObject, path: string): { name: string; type: string }[] {
  const { properties = {}, children = {} } = resolve(root, path);
  return [
    { name: 'type', type: 'string' },
    ...Object.entries(properties).map(([name, [type]]) => ({ name, type })),
    ...Object.entries(children).map(([name, { type }]) => ({ name, type: `child<${type}>` })),
  ];
}

/** As qom-get. @throws QmpCommandError */
export function getProperty(root: QomObject, path: string, name: string): JsonValue {
  const { type, properties = {}, children = {} } = resolve(root, path);
  if (name === 'type') return type;
  const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (property) return property[1];
  if (Object.hasOwn(children, name)) return `${path.replace(/\/$/, '')}/${name}`;
  throw refusal(`Property '${type}.${name}' not found`);
}
