/** The page of a map in a browser alone: accessible in each kind of theme, and all of it by keyboard. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
const over = { ...timeline, alive: false };
const [DARK = '', ...OTHERS] = THEME_CLASSES;
const canvas = () => lone.page.locator('.map-canvas').first();
const button = (name: string) => lone.page.getByRole('button', { name, exact: true }).first();
const inspector = () => lone.page.getByRole('region', { name: 'Block', exact: true });
const announced = () => lone.page.locator('.announcer');
const scale = () => lone.page.locator('.scale').innerText();

async function press(...keys: readonly string[]): Promise<void> {
  for (const key of keys) await lone.page.keyboard.press(key);
}

/** Chooses the second block by keyboard, which opens the inspector. */
async function inspect(): Promise<void> {
  await canvas().focus();
  await press('Home', 'ArrowRight', 'Enter');
  await inspector().getByText('Offset').waitFor();
}

describe('has no serious fault of accessibility, in any kind of theme', () => {
  const states: Readonly<Record<string, () => Promise<void>>> = {
    'one pane, held': () => lone.show(whole),
    'two panes': () => lone.show(whole, [header, cells, ended, over]),
    'a source in trouble': () =>
      lone.show([
        ...whole,
        { type: 'trouble', error: { kind: 'connection-lost', message: 'Gone.', hint: 'Wait.' } },
      ]),
    'a moment in the past': () => lone.show([header, cells, past, timeline, series]),
    'the inspector open': async () => {
      await lone.show(whole);
      await inspect();
    },
    'a question': () => lone.show([header, cells, asking, timeline, series]),
    'the end': () => lone.show([header, cells, ended, over, series]),
  };
  /** The others are of the page, which is the same in each theme. */
  const ofColours = ['color-contrast', 'link-in-text-block'];

  it.each(Object.entries(states))('%s', async (_, show) => {
    await show();
    expect(await lone.refused()).toEqual([]);
    await lone.theme(DARK);
    expect(await lone.faults()).toEqual([]);
    for (const theme of OTHERS) {
      await lone.theme(theme);
      expect(await lone.faults(ofColours), theme).toEqual([]);
    }
  });
});

describe('is used by keyboard', () => {
  beforeEach(async () => {
    await lone.show(whole);
    await lone.theme(DARK);
  });

  it('stops at every control with the Tab key, and shows where it is in each theme', async () => {
    await inspect();
    await lone.page.getByPlaceholder('Find a guest file').focus();
    await button('/var/lib/db').waitFor();
    for (const theme of THEME_CLASSES) {
      await lone.theme(theme);
      expect(await lone.walk(), theme).toEqual({ unreached: [], unseen: [] });
    }
  });

  it('moves over blocks, shows one and lets it go', async () => {
    await canvas().focus();
    await press('Home', 'ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp');
    await expect.poll(() => announced().textContent()).toMatch(/^Block 0 at 0 B/);
    await press('End');
    await expect.poll(() => announced().textContent()).toMatch(/^Block 1,023 at/);
    await press('Enter');
    await inspector().getByText('Offset').waitFor();
    await press('Escape');
    await inspector().waitFor({ state: 'hidden' });
  });

  it('closes the inspector, and goes back to the map', async () => {
    await inspect();
    await button('Close').focus();
    await press('Enter');
    await inspector().waitFor({ state: 'hidden' });
    expect(await canvas().evaluate((one) => one === document.activeElement)).toBe(true);
  });

  it('zooms with +, − and 0', async () => {
    await canvas().focus();
    const width = () =>
      lone.page.evaluate(() => {
        const { panes } = window.migrascope!;
        const places = [0, 3].map((block) => panes[0]!.map.placeOf(block)!.x);
        return Math.abs(places[1]! - places[0]!);
      });
    const whole = await width();
    await press('Home', '+');
    expect(await width()).toBeCloseTo(2 * whole, 3);
    await press('-', '-');
    expect(await width()).toBeLessThan(whole);
    await press('0');
    expect(await width()).toBeCloseTo(whole, 3);
    expect(await scale()).toBe('a cell is 64 KiB');
  });

  it('leaves the function keys to VS Code, wherever the focus is', async () => {
    await lone.page.evaluate(() => {
      const heard: string[] = [];
      Object.assign(window, { heard });
      window.addEventListener('keydown', ({ key, defaultPrevented }) => {
        if (!defaultPrevented) heard.push(key);
      });
    });
    const keys = ['F5', 'F6', 'F10', 'F11'];
    for (const place of [
      '.map-canvas',
      '.select',
      'vscode-button',
      'vscode-textfield',
      '.slider',
    ]) {
      await lone.page.locator(place).first().focus();
      await press(...keys);
      const heard = await lone.page.evaluate(() =>
        (window as unknown as { heard: string[] }).heard.splice(0),
      );
      expect(heard, place).toEqual(keys);
    }
  });

  it('steers with Enter and the space bar, and not with what is switched off', async () => {
    await button('Run (F5)').focus();
    await press('Enter', 'ArrowRight', ' ');
    const commands = (await lone.told('tell')).map(({ command }) => command);
    expect(commands).toEqual([{ command: 'run' }, { command: 'step', unit: 'statement' }]);
    expect(await button('Pause before the next statement (F6)').isDisabled()).toBe(true);
  });

  it('changes the limits with Enter in a field, and says what is wrong with them', async () => {
    await lone.page.getByRole('textbox', { name: 'Bandwidth' }).fill('much');
    await press('Enter');
    await lone.page.getByText(/'much' is not/).waitFor();
    await lone.page.getByRole('textbox', { name: 'Bandwidth' }).fill('5MiB');
    await press('Enter');
    const limits = { maxBandwidth: 5 * 1024 ** 2, downtimeLimitMs: 300 };
    await expect
      .poll(() => lone.told('tell'))
      .toEqual([{ type: 'tell', pane: 0, command: { command: 'limits', limits } }]);
  });

  it('goes to a block, lights a state, and goes through time', async () => {
    await lone.page.getByRole('textbox', { name: /^Go to a block/ }).fill('1MiB');
    await press('Enter');
    await inspector().getByText('Offset').waitFor();
    const pending = lone.page.locator('.legend-row', { hasText: 'pending' });
    await pending.focus();
    await press(' ');
    expect(await pending.getAttribute('aria-pressed')).toBe('true');
    await lone.page.getByRole('slider', { name: 'Moment of the recording' }).focus();
    await press('Home');
    await expect
      .poll(async () => (await lone.told('ask')).at(-1))
      .toMatchObject({ method: 'view.seek', params: { to: 'time', t: 0 } });
  });
});
