/** What a map's webview shows, read back: its figures as text, and the colours of blocks. */
import type { Frame, Page } from 'playwright-core';
import { expect } from 'vitest';

interface Shown {
  readonly panes: readonly {
    readonly map: { placeOf(block: number): { x: number; y: number } | undefined };
  }[];
}
declare global {
  interface Window {
    migrascope?: Shown;
  }
}

/** The frame of the newest map that is ready, with so many sources side by side. */
export function mapFrame(page: Page, panes = 1): Promise<Frame> {
  return frameWhere(page, async (frame) => {
    const ready = await frame.evaluate(
      () => (window as { migrascope?: unknown }).migrascope !== undefined,
    );
    const canvases = frame.locator('.map-canvas');
    return ready && (await canvases.count()) === panes && canvases.first().isVisible();
  });
}

/** The frame of the newest webview that says it. */
export function frameSaying(page: Page, text: RegExp): Promise<Frame> {
  return frameWhere(page, (frame) => frame.getByText(text).first().isVisible());
}

/** Frames that are gone when they are asked are none. */
async function frameWhere(page: Page, is: (frame: Frame) => Promise<boolean>): Promise<Frame> {
  let found: Frame | undefined;
  await expect
    .poll(
      async () => {
        for (const frame of page.frames().reverse())
          if (!found && (await is(frame).catch(() => false))) found = frame;
        return found !== undefined;
      },
      { timeout: 30_000, interval: 200 },
    )
    .toBe(true);
  return found!;
}

/** Red, green and blue of a block's middle as it was painted; undefined where it is not seen. */
function colourOf(frame: Frame, block: number): Promise<number[] | undefined> {
  return frame.evaluate((wanted) => {
    const shown = (window as unknown as { migrascope: Shown }).migrascope;
    const place = shown.panes[0]!.map.placeOf(wanted);
    const canvas = document.querySelector<HTMLCanvasElement>('.map-canvas');
    const gl = canvas?.getContext('webgl2');
    if (!place || !canvas || !gl) return undefined;
    const scale = canvas.width / canvas.clientWidth;
    const pixel = new Uint8Array(4);
    gl.readPixels(
      Math.round(place.x * scale),
      canvas.height - 1 - Math.round(place.y * scale),
      ...([1, 1, gl.RGBA, gl.UNSIGNED_BYTE] as const),
      pixel,
    );
    return [...pixel.slice(0, 3)];
  }, block);
}

/** A colour is rounded twice on its way to the screen. */
const MOST_APART = 3;

/** Resolves when a block has the colour. */
export async function expectColour(
  frame: Frame,
  block: number,
  colour: readonly number[],
): Promise<void> {
  await expect
    .poll(
      async () => {
        const shown = await colourOf(frame, block);
        const apart = colour.map((part, index) => Math.abs(part - (shown?.[index] ?? -255)));
        return Math.max(...apart) <= MOST_APART ? colour : shown;
      },
      { timeout: 10_000 },
    )
    .toEqual(colour);
}

/** Bytes by state, as the legend says them. */
export async function legendOf(frame: Frame): Promise<Readonly<Record<string, string>>> {
  const rows = await frame.locator('.legend-row').allInnerTexts();
  return Object.fromEntries(
    rows.map((row) => {
      const [words = '', bytes = ''] = row.split('\n').map((part) => part.trim());
      return [words, bytes.split(' · ')[0] ?? ''];
    }),
  );
}

/** Bytes of a state, as the legend says them; empty before it says any. */
export async function legendBytes(frame: Frame, state: string): Promise<string> {
  return (await legendOf(frame))[state] ?? '';
}
