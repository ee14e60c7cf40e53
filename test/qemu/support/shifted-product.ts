/** The built product with a clock on its wall that is set back by an hour when a test says so; monotonic time goes on. */
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

const PRELOAD = (signal: string) => `
import { existsSync } from 'node:fs';
const shift = () => (existsSync(${JSON.stringify(signal)}) ? 3_600_000 : 0);
globalThis.Date = class extends Date {
  constructor(...args) {
    if (args.length === 0) super(new.target.now());
    else super(...args);
  }
  static now() {
    return super.now() - shift();
  }
};
`;

export interface ShiftedProduct {
  /** The command's program. */
  readonly program: string;
  /** Sets the clock of every process of it back. */
  setBack(): Promise<void>;
}

/** Makes it in a folder. */
export async function shiftProduct(folder: string): Promise<ShiftedProduct> {
  const signal = join(folder, 'set-back');
  await mkdir(folder);
  await cp(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  await cp(join(root, 'package.json'), join(folder, 'package.json'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'preload.mjs'), PRELOAD(signal));
  for (const name of ['cli', 'engine-process', 'guardian']) {
    const path = join(folder, 'dist', `${name}.js`);
    const text = await readFile(path, 'utf8');
    const [, start = '', rest] = /^(#!.*\n)?([^]*)$/.exec(text)!;
    await writeFile(path, `${start}import '../preload.mjs';\n${rest}`);
  }
  return { program: join(folder, 'dist/cli.js'), setBack: () => writeFile(signal, '') };
}
