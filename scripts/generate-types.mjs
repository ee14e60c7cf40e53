// Generates TypeScript types from the JSON Schemas under protocol/; with --check, fails where they have drifted.
import { readFile, writeFile } from 'node:fs/promises';
import { compile } from 'json-schema-to-typescript';

const root = new URL('../', import.meta.url);
const generated = [
  { schema: 'protocol/events.schema.json', to: 'src/engine/events.generated.ts' },
  { schema: 'protocol/control.schema.json', to: 'src/engine/control/messages.generated.ts' },
  {
    schema: 'protocol/plugin.schema.json',
    to: 'src/plugin/messages.generated.ts',
    constant: 'src/plugin/schema.generated.ts',
  },
  {
    schema: 'protocol/workload.schema.json',
    to: 'src/simulator/workload/description.generated.ts',
    constant: 'src/simulator/workload/schema.generated.ts',
  },
];
const check = process.argv.includes('--check');

/**
 * The schema as the types want it: validation lets unknown fields pass, the types name the known
 * ones only; and a description beside a reference would make a type of its own for each use.
 */
function closed(schema) {
  if (Array.isArray(schema)) return schema.map(closed);
  if (schema === null || typeof schema !== 'object') return schema;
  if (typeof schema.$ref === 'string') return { $ref: schema.$ref };
  const copy = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, closed(value)]),
  );
  if (copy.additionalProperties === true) copy.additionalProperties = false;
  return copy;
}

let drifted = false;

/** Writes what was generated from the schema; with --check, compares it with what is there. */
async function put(to, text, schema) {
  const target = new URL(to, root);
  if (!check) await writeFile(target, text);
  else if ((await readFile(target, 'utf8').catch(() => '')) !== text) {
    drifted = true;
    console.error(`${to} has drifted from ${schema}: run 'npm run generate'.`);
  }
}

for (const { schema, to, constant } of generated) {
  const bannerComment = `/** Generated from ${schema} by \`npm run generate\`; do not edit. */`;
  const source = JSON.parse(await readFile(new URL(schema, root), 'utf8'));
  const text = await compile(closed(source), source.title, {
    bannerComment,
    style: { singleQuote: true, printWidth: 100 },
    unreachableDefinitions: true,
  });
  await put(to, text, schema);
  // For who validates at run time, where no file of protocol/ is at hand.
  const value = JSON.stringify(source, null, 2);
  if (constant) await put(constant, `${bannerComment}\nexport const schema = ${value};\n`, schema);
}
if (drifted) process.exitCode = 1;
