/** The commands that a QMP server knows: each a name, its arguments' types and what it does. */
import type { JsonObject, JsonValue } from './json-value.js';
import { struct } from './types.js';
import type { Checked, Members, QapiType } from './types.js';

/** What a command answers; nothing is an empty object. */
export type Answer = JsonValue | undefined;

export interface QmpCommand {
  readonly name: string;
  /** Whether query-commands names it. */
  readonly listed: boolean;
  /** @throws QmpCommandError as the client is to get it. */
  execute(args: JsonObject): Answer | Promise<Answer>;
}

interface CommandOptions {
  /** Whether query-commands names it; it does unless told. */
  readonly listed?: boolean;
}

type Run<A> =
  ((args: A) => Answer | Promise<Answer>) | ((args: A) => void) | ((args: A) => Promise<void>);

/**
 * Describes a command.
 * @param members its arguments, in the order of QEMU's schema.
 */
export function command<const M extends Members>(
  name: string,
  members: M,
  run: Run<Checked<M>>,
  options: CommandOptions = {},
): QmpCommand {
  return commandOf(name, struct(members), run, options);
}

/** Describes a command whose arguments are a type of their own, such as a union. */
export function commandOf<A>(
  name: string,
  type: QapiType<A>,
  run: Run<A>,
  { listed = true }: CommandOptions = {},
): QmpCommand {
  return {
    name,
    listed,
    execute: async (args) => {
      const answer: unknown = await run(type.check(args, '', name));
      return answer as Answer;
    },
  };
}

/** Commands by their names. @throws Error when a name is there twice. */
export function commandTable(commands: readonly QmpCommand[]): ReadonlyMap<string, QmpCommand> {
  const table = new Map(commands.map((each) => [each.name, each]));
  if (table.size !== commands.length) throw new Error('Two QMP commands have one name.');
  return table;
}
