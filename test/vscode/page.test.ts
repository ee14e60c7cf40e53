/** The page of a map in a browser alone: accessible in each kind of theme, and all of it by keyboard. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LonePage, THEME_CLASSES } from './support/lone-page.js';
import { asking, cells, ended, header, moment, past, series, timeline } from './support/notes.js';

let lone: LonePage;

beforeAll(async () => {
  lone = await LonePage.open();
});

afterAll(async () => {
  await lone.close();
});

const whole = [header, cells, moment, timeline, series];
const canvas = () => lone.page.locator('.map-canvas').first();
const press = (key: string): Promise<void> => lone.page.keyboard.press(key);
const inspector = () => lone.page.getByRole('region', { name: 'Block', exact: true });

/** Chooses a block by keyboard, which opens the inspector. */
async function inspect(): Promise<void> {
  await canvas().focus();
  await press('ArrowRight');
  await press('Enter');
  await inspector().getByText('Offset').waitFor();
}

describe('has no serious fault of accessibility, in any kind of theme', () => {
  const states: Readonly<Record<string, () => Promise<void>>> = {
    'one pane, held': () => lone.show(whole),
    'two panes': () => lone.show(whole, [header, cells, ended, { ...timeline, alive: false }]),
    'a source in trouble': () =>
      lone.show([
        ...whole,
        {
          type: 'trouble',
          error: { kind: 'connection-lost', message: 'It is gone.', hint: 'Wait.' },
        },
      ]),
    'a moment in the past': () => lone.show([header, cells, past, timeline, series]),
    'the inspector open': async () => {
      await lone.show(whole);
      await inspect();
    },
    'a question': () => lone.show([header, cells, asking, timeline, series]),
    'the end': () => lone.show([header, cells, ended, { ...timeline, alive: false }, series]),
  };
  it.each(Object.entries(states))('%s', async (_, show) => {
    await show();
    expect(await lone.refused()).toEqual([]);
    for (const theme of THEME_CLASSES) {
      await lone.theme(theme);
      expect(await lone.faults(), theme).toEqual([]);
    }
  });
});
