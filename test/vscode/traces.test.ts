/** A person opens traces in a real VS Code: whole ones, two side by side, wrong ones, and a very large one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { expect, test } from 'vitest';
import { formatBytes } from '../../src/base/units.js';
import type { MigrationEvent, SummaryEvent } from '../../src/engine/index.js';
import { createPalette, MIGRATION_STATES } from '../../src/heatmap/index.js';
import { expectColour, frameSaying, legendBytes, mapFrame } from './support/map-page.js';
import { useVsCode } from './support/session.js';
import { recordTrace, writeLargeTrace, writeWrongTraces } from './support/traces.js';

const LARGE = 2 * 1024 ** 3;
const vscode = useVsCode({
  settings: { 'workbench.colorTheme': 'Default Light Modern' },
  before: async ({ workspace }) => {
    plain = await recordTrace(workspace, 'plain.mscope', 'plain');
    cache = await recordTrace(workspace, 'cache.mscope.gz', 'cache');
  },
});
let plain: { path: string; events: MigrationEvent[] };
let cache: { path: string; events: MigrationEvent[] };

const summaryOf = (events: readonly MigrationEvent[]): SummaryEvent =>
  events.find((event) => event.type === 'summary')!;

async function openTrace(path: string): Promise<Frame> {
  await vscode.workbench.command('Migrascope: Open a Trace…');
  await vscode.workbench.choosePath(path);
  const name = path.split('/').at(-1)!;
  await vscode.workbench.page.getByRole('tab', { name, selected: true }).waitFor();
  return mapFrame(vscode.workbench.page);
}

async function closeEditors(): Promise<void> {
  await vscode.workbench.command('View: Close All Editors');
  await expect.poll(() => vscode.workbench.page.locator('iframe.webview').count()).toBe(0);
}

test('opens a trace at its end, with the figures of its summary', async () => {
  const frame = await openTrace(cache.path);
  await frame.getByText('completed', { exact: true }).first().waitFor();
  const { sentBytes, distinctBytes } = summaryOf(cache.events);
  await frame
    .getByText(`${formatBytes(sentBytes)}, of ${formatBytes(distinctBytes)} distinct`)
    .waitFor();
  await vscode.workbench.picture('trace');
});

test('is scrubbed to any moment, and each block is as it was then', async () => {
  const frame = await mapFrame(vscode.workbench.page);
  const { migration } = createPalette('light', 'auto');
  const colour = (state: (typeof MIGRATION_STATES)[number]) =>
    migration[MIGRATION_STATES.indexOf(state)]!;
  const sent = cache.events.find((event) => event.type === 'sent')!;
  const block = sent.blocks[0]!;
  await expectColour(frame, block, colour('sent'));
  const slider = frame.getByRole('slider', { name: 'Moment of the recording' });
  await slider.fill('0');
  await expect.poll(() => legendBytes(frame, 'sent once')).toBe('0 B');
  const next = frame.getByRole('button', { name: 'Next event' });
  for (let seq = 0; seq <= cache.events.findIndex(({ type }) => type === 'allocated'); seq++)
    await next.click();
  await expectColour(frame, block, colour('pending'));
  await frame.getByRole('button', { name: 'Next round' }).click();
  await expectColour(frame, block, colour('sent'));
  await frame.getByRole('button', { name: 'Previous round' }).click();
  await expect.poll(() => legendBytes(frame, 'sent once')).toBe('0 B');
});

test('plays on by itself, and by a command', async () => {
  const frame = await mapFrame(vscode.workbench.page);
  const clock = frame.locator('.clock');
  const before = await clock.innerText();
  await vscode.workbench.command('Migrascope: Map: Play or Stop');
  await expect.poll(() => clock.innerText()).not.toBe(before);
  await frame.getByRole('button', { name: 'Stop playing' }).click();
  const stopped = await standing(() => clock.innerText());
  await vscode.workbench.command('Migrascope: Map: Next Event');
  await expect.poll(() => clock.innerText()).not.toBe(stopped);
  await vscode.workbench.command('Migrascope: Map: Previous Event');
  await expect.poll(() => clock.innerText()).toBe(stopped);
  await vscode.workbench.command('Migrascope: Map: Go to the Newest Moment');
  await frame.getByText('completed', { exact: true }).first().waitFor();
});

test('is zoomed, laid out and searched by commands', async () => {
  const frame = await mapFrame(vscode.workbench.page);
  const state = () => mapState(frame);
  const command = (title: string) => vscode.workbench.command(`Migrascope: Map: ${title}`);
  const after = async (title: string): Promise<MapState> => {
    const before = JSON.stringify(await state());
    await command(title);
    await expect.poll(async () => JSON.stringify(await state())).not.toBe(before);
    return state();
  };
  const whole = await state();
  expect(whole.width).toBe(Infinity);
  const near = await after('Zoom In');
  expect(near.width).toBeLessThan(Infinity);
  expect((await after('Zoom to the Block')).width).toBeLessThan(near.width);
  const block = await state();
  expect((await after('Zoom Out')).width).toBeGreaterThan(block.width);
  expect((await after('Show the Whole Disk')).width).toBe(Infinity);
  expect((await after('Hilbert Curve or Rows')).place).not.toEqual(whole.place);
  expect((await after('Hilbert Curve or Rows')).place).toEqual(whole.place);

  const layer = frame.getByRole('combobox').first();
  const chosen = await layer.inputValue();
  await command('Next Layer');
  await expect.poll(() => layer.inputValue()).not.toBe(chosen);
  await layer.selectOption(chosen);

  const focused = () => frame.evaluate(focusedName);
  await command('Find a Guest File');
  await expect.poll(focused).toMatch(/guest file/);
  await command('Go to a Block or Offset');
  await expect.poll(focused).toMatch(/Block or offset/);
});

test('is saved as CSV, PNG and SVG, and copied as a table', async () => {
  const frame = await mapFrame(vscode.workbench.page);
  await vscode.workbench.command('Migrascope: Map: Go to the Newest Moment');
  await frame.getByText('completed', { exact: true }).first().waitFor();
  const saved = async (name: string, ask: () => Promise<void>): Promise<Buffer> => {
    const path = join(vscode.server.folder, name);
    await ask();
    await vscode.workbench.choosePath(path);
    await expect.poll(() => existing(path)?.length ?? 0).toBeGreaterThan(0);
    return existing(path)!;
  };
  const csv = await saved('rounds.csv', () =>
    frame.getByRole('button', { name: 'Save the rounds as CSV' }).click(),
  );
  expect(csv.toString().split('\r\n').length - 2).toBe(summaryOf(cache.events).rounds);
  const png = await saved('map.png', () =>
    vscode.workbench.command('Migrascope: Map: Save as PNG'),
  );
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  const svg = await saved('map.svg', () =>
    vscode.workbench.command('Migrascope: Map: Save as SVG'),
  );
  expect(svg.toString()).toMatch(/^<svg[^]*<\/svg>\s*$/);
  await vscode.workbench.command('Migrascope: Map: Copy as a Table');
  await expect
    .poll(() => vscode.workbench.page.evaluate(() => navigator.clipboard.readText()))
    .toMatch(/sent once\t/);
});

test('two are compared side by side, chosen in the explorer, with linked times', async () => {
  await closeEditors();
  await vscode.workbench.openContainer('Explorer');
  const item = (name: string) => vscode.workbench.treeItem(new RegExp(`^${name}`));
  // The first click opens a file as well, which may take the selection with it.
  await expect
    .poll(async () => {
      await item('cache.mscope.gz').click();
      await item('plain.mscope').click({ modifiers: ['ControlOrMeta'] });
      return item('cache.mscope.gz').getAttribute('aria-selected');
    })
    .toBe('true');
  await vscode.workbench.contextMenu(item('plain.mscope'), 'Compare Two Traces…');
  const frame = await mapFrame(vscode.workbench.page, 2);
  const panes = frame.locator('.pane');
  for (const [index, { events }] of [cache, plain].entries())
    await panes
      .nth(index)
      .getByText(`${formatBytes(summaryOf(events).sentBytes)}, of`)
      .waitFor();
  await vscode.workbench.picture('compare');
  await panes.first().getByRole('slider', { name: 'Moment of the recording' }).fill('0');
  for (const index of [0, 1])
    await expect
      .poll(() => panes.nth(index).locator('.clock').innerText())
      .toMatch(/^0(\.0+)? ?m?s of/);
  await closeEditors();
});

test('tells what is wrong with a trace, and shows what is good of it', async () => {
  const wrong = writeWrongTraces(vscode.server.workspace, plain.path);
  const said = [
    [wrong.corrupt, /is wrong in line \d+: Event \d+ is no JSON/],
    [wrong.truncated, /is cut off: it ends in the middle of line/],
  ] as const;
  for (const [path, message] of said) {
    const frame = await openTrace(path);
    await frame.getByRole('alert').getByText(message).waitFor();
    await expect.poll(() => legendBytes(frame, 'sent once')).toMatch(/^[1-9]/);
    await closeEditors();
  }
});

test('says that a trace is of a newer version, and harms nothing', async () => {
  const path = join(vscode.server.workspace, 'newer.mscope');
  const before = readFileSync(path);
  await vscode.workbench.command('Migrascope: Open a Trace…');
  await vscode.workbench.choosePath(path);
  await frameSaying(vscode.workbench.page, /The events were made by a newer Migrascope/);
  await vscode.workbench.picture('trace-newer');
  expect(readFileSync(path)).toEqual(before);
  await closeEditors();
});

test('shows a trace of 2 GiB while it is read, and can be left at any time', async () => {
  const path = writeLargeTrace(vscode.server.workspace, plain.path, LARGE);
  const frame = await openTrace(path);
  const clock = frame.locator('.clock');
  await expect.poll(() => legendBytes(frame, 'pending')).toMatch(/^[1-9]/);
  const early = await clock.innerText();
  await expect.poll(() => clock.innerText(), { timeout: 20_000 }).not.toBe(early);
  await frame.getByRole('slider', { name: 'Moment of the recording' }).fill('0');
  await expect.poll(() => clock.innerText()).toMatch(/^0(\.0+)? ?m?s of/);
  await closeEditors();
  await openTrace(cache.path).then((next) =>
    next.getByText('completed', { exact: true }).first().waitFor(),
  );
});

/** What is said when it does not change any more: a moment that was on its way is there then. */
async function standing(read: () => Promise<string>): Promise<string> {
  let last = await read();
  await expect
    .poll(
      async () => {
        const before = last;
        last = await read();
        return last === before;
      },
      { interval: 1500 },
    )
    .toBe(true);
  return last;
}

function existing(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

interface MapState {
  /** What is seen, in cells; Infinity for the whole disk, whatever the room. */
  readonly width: number;
  /** Where a block in the middle is, on the canvas. */
  readonly place: unknown;
}

/** How the first map is looked at. */
async function mapState(frame: Frame): Promise<MapState> {
  const { view, place } = await frame.evaluate(() => {
    const { panes } = (window as unknown as { migrascope: { panes: unknown[] } }).migrascope;
    const { map } = panes[0] as {
      map: { state(): { view?: { width: number } }; placeOf(block: number): unknown };
    };
    return { view: map.state().view, place: map.placeOf(1000) };
  });
  return { width: view?.width ?? Infinity, place };
}

/** What the element that has the focus is called, also inside a component. */
function focusedName(): string {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  const names = [element?.getAttribute('aria-label'), element?.getAttribute('placeholder')];
  return names.filter(Boolean).join(' ');
}
