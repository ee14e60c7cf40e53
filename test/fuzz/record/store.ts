/** Keeps recordings: names of this machine are replaced by neutral ones, and none may be left. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir, hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Recording, Turn } from '../recording.js';

/** The longest text of a recording, in characters. */
const LONGEST = 90_000;

export class Store {
  readonly #names: [name: string, neutral: string][] = [];

  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  /** From now on `neutral` stands for `name`; names that are told first are replaced first. */
  rename(name: string, neutral: string): void {
    if (name !== '') this.#names.push([name, neutral]);
  }

  save(name: string, recording: Recording): void {
    const turns = recording.turns.map((turn) => this.#neutral(turn));
    const text = JSON.stringify({ ...recording, turns }, undefined, 1);
    for (const own of [homedir(), `"${hostname()}"`, `${tmpdir()}/`, process.cwd()]) {
      if (own !== '/' && text.includes(own)) throw new Error(`${name} names this machine: ${own}`);
    }
    const user = userInfo().username;
    if (text.includes(`/${user}/`)) throw new Error(`${name} names this user: ${user}`);
    writeFileSync(join(this.folder, `${name}.json`), `${text}\n`);
    console.log(`${name}: ${turns.length} turns, ${text.length} bytes`);
  }

  #neutral(turn: Turn): Turn {
    if ('base64' in turn) return turn;
    let { text } = turn;
    for (const [name, neutral] of this.#names) text = text.replaceAll(name, neutral);
    return { ...turn, text };
  }
}

/** The first lines of a text, as far as a recording has room for them. */
export function beginning(text: string): string {
  if (text.length <= LONGEST) return text;
  return text.slice(0, text.lastIndexOf('\n', LONGEST) + 1);
}
