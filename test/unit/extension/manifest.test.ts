/** What the manifest names is there: commands in menus and keys, pictures, lessons and their workloads. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parseSettingsHost } from '../../../src/hypervisor/index.js';
import { parseWorkload } from '../../../src/simulator/workload/index.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as {
  readonly icon: string;
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly icon?: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string }[]>>;
    readonly configuration: { readonly properties: Readonly<Record<string, object>> };
    readonly keybindings: readonly { readonly command: string; readonly when?: string }[];
    readonly walkthroughs: readonly {
      readonly steps: readonly {
        readonly id: string;
        readonly description: string;
        readonly media: { readonly image?: string; readonly markdown?: string };
        readonly completionEvents?: readonly string[];
      }[];
    }[];
  };
};
const { commands, menus, keybindings, walkthroughs } = manifest.contributes;
const known = new Set(commands.map(({ command }) => command));
const steps = walkthroughs.flatMap((walkthrough) => walkthrough.steps);

describe('the manifest', () => {
  it('names in menus, keys, welcome texts and the walkthrough only commands that it has', () => {
    const used = [
      ...Object.values(menus).flat(),
      ...keybindings,
      ...[...read('package.nls.json').matchAll(/command:(migrascope\.[\w.]+)/g)].map((match) => ({
        command: match[1]!,
      })),
      ...steps.flatMap(({ completionEvents = [] }) =>
        completionEvents.map((event) => ({ command: event.replace('onCommand:', '') })),
      ),
    ].map(({ command }) => command);
    expect(used.filter((command) => !known.has(command))).toEqual([]);
  });

  it('has each command once, with an icon', () => {
    expect(known.size).toBe(commands.length);
    expect(commands.filter(({ icon }) => icon === undefined)).toEqual([]);
  });

  it('takes keys only where migrations are', () => {
    for (const { when } of keybindings) expect(when).toMatch(/migrascope/);
  });

  it('says of the hosts of the settings what their reader takes', () => {
    const schema = manifest.contributes.configuration.properties['migrascope.hosts']!;
    // VS Code's own keyword, and what it fills in.
    const isValid = new Ajv({ keywords: ['scope', 'markdownDescription'] }).compile(schema);
    const address = 'unix:/vm.qmp';
    const full = { address, guardian: 'tcp:127.0.0.1:1', probe: 'unix:/p', nbdDirectory: '/run' };
    const values = [
      ...[address, 'tcp:127.0.0.1:4444', 'ssh://me@host/run/vm.qmp', { address }, full],
      ...['', 'vm', 7, null, {}, { address, gardian: address }, { address, probe: 'ssh://a/b' }],
      { address, nbdDirectory: 'run' },
    ];
    const taken = values.map((value) => {
      try {
        return parseSettingsHost('host', value).name === 'host';
      } catch {
        return false;
      }
    });
    expect(values.map((host) => isValid({ host }))).toEqual(taken);
    expect(taken).toContain(false);
    expect(taken.filter(Boolean)).toHaveLength(5);
  });

  it('has its pictures and texts', () => {
    const files = [manifest.icon, ...steps.map(({ media }) => media.image ?? media.markdown!)];
    expect(files.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect(steps).toHaveLength(9);
  });
});

describe.each(['converges', 'does-not-converge', 'page-cache-helps', 'drain'])(
  'the lesson %s',
  (lesson) => {
    it('has a guest that can be started', () => {
      const path = `media/lessons/${lesson}.json`;
      expect(() => parseWorkload(read(path), path)).not.toThrow();
    });

    it.each(['', '.zh-cn'])('is a step that starts its guest, in the manifest%s', (language) => {
      const step = steps.find(({ id }) => id === lesson)!;
      const texts = JSON.parse(read(`package.nls${language}.json`)) as Record<string, string>;
      expect(texts[step.description.slice(1, -1)]).toContain(
        `](command:migrascope.lesson.start?%22${lesson}%22)`,
      );
    });

    it.each(['', '.nls.zh-cn'])('has a text%s with questions', (language) => {
      const text = read(`media/lessons/${lesson}${language}.md`);
      expect(text.match(/^## /gm)).toHaveLength(2);
      expect(text.match(/^\d\. .*[?？]/gm)?.length).toBeGreaterThanOrEqual(2);
    });
  },
);
