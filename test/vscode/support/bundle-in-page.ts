/**
 * Runs in a page, before the webview's bundle: stands for VS Code, and looks at what is painted.
 * bundle-page.ts is its other side.
 */
import type { CellsNote } from '../../../src/service/types.js';
import type { FromWebview, ToWebview } from '../../../webview/messages.js';
import type { Cost } from './bundle-page.js';

interface Shown {
  readonly panes: readonly {
    readonly map: { placeOf(block: number): { x: number; y: number } | undefined };
  }[];
}

class InPage {
  /** Frames that were painted. */
  frames = 0;
  #asked: (() => void)[] = [];
  #came = 0;

  constructor() {
    const api = {
      postMessage: (message: FromWebview) => this.#hear(message),
      getState: () => undefined,
      setState: () => undefined,
    };
    if (new URLSearchParams(location.search).has('without-webgl')) refuseWebGl();
    // Before the bundle's own, which takes the message.
    window.addEventListener('message', () => (this.#came = performance.now()));
    Object.assign(window, { acquireVsCodeApi: () => api, inPage: this });
  }

  /** Sends a message as VS Code does; resolves when its outcome is on the canvas. */
  async send(message: ToWebview): Promise<Cost> {
    const arrival = new Promise<number>((resolve) => {
      setTimeout(() => {
        window.addEventListener('message', () => resolve(performance.now()), { once: true });
        window.postMessage(message);
      });
    });
    const began = performance.now();
    const taken = await arrival;
    await this.painted();
    this.finish();
    return { came: this.#came - began, taken: taken - began, painted: performance.now() - began };
  }

  /** Sends a message that paints nothing. */
  post(message: ToWebview): void {
    window.postMessage(message);
  }

  /** Fetches a note of cells. */
  async cells(url: string): Promise<CellsNote> {
    const numbers = new Uint32Array(await (await fetch(url)).arrayBuffer());
    const [seq = 0, runs = 0] = numbers;
    const dense: { first: number; words: Uint32Array }[] = [];
    for (let at = 2 + runs; at < numbers.length;) {
      const [first, count] = [numbers[at]!, numbers[at + 1]!];
      dense.push({ first, words: numbers.slice(at + 2, at + 2 + count) });
      at += 2 + count;
    }
    return { type: 'cells', seq, runs: numbers.slice(2, 2 + runs), dense };
  }

  async tellCells(url: string): Promise<Cost> {
    return this.send({ type: 'note', pane: 0, note: await this.cells(url) });
  }

  /** Resolves after the next frame. */
  painted(): Promise<void> {
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  /** Waits until what was asked of the graphics card is done. */
  finish(): void {
    const gl = this.canvas.getContext('webgl2');
    if (gl) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    else this.canvas.getContext('2d')?.getImageData(0, 0, 1, 1);
  }

  get canvas(): HTMLCanvasElement {
    return document.querySelector<HTMLCanvasElement>('.map-canvas')!;
  }

  /** All that is on the canvas. */
  image(): ImageData {
    const { width, height } = this.canvas;
    const copy = new OffscreenCanvas(width, height).getContext('2d')!;
    copy.drawImage(this.canvas, 0, 0);
    return copy.getImageData(0, 0, width, height);
  }

  /** The same in base64. */
  pixels(): string {
    const { data } = this.image();
    const parts: string[] = [];
    for (let at = 0; at < data.length; at += 32_768)
      parts.push(String.fromCharCode(...data.subarray(at, at + 32_768)));
    return btoa(parts.join(''));
  }

  /** Red, green and blue of the middles of blocks; undefined where they are not seen. */
  colours(blocks: readonly number[]): (readonly number[] | undefined)[] {
    const { data, width } = this.image();
    const { map } = (window as unknown as { migrascope: Shown }).migrascope.panes[0]!;
    const scale = width / this.canvas.clientWidth;
    return blocks.map((block) => {
      const place = map.placeOf(block);
      if (!place) return undefined;
      const at = (Math.floor(place.y * scale) * width + Math.floor(place.x * scale)) * 4;
      return [...data.slice(at, at + 3)];
    });
  }

  /** Takes the graphics card away and gives it back; resolves when the map is painted again. */
  async loseContext(): Promise<void> {
    const lost = this.canvas.getContext('webgl2')!.getExtension('WEBGL_lose_context')!;
    const event = (name: string) =>
      new Promise((resolve) => this.canvas.addEventListener(name, resolve, { once: true }));
    const gone = event('webglcontextlost');
    lost.loseContext();
    await gone;
    const back = event('webglcontextrestored');
    // Not in the event's own turn: until then it can't be given back.
    setTimeout(() => lost.restoreContext());
    await back;
    await this.painted();
  }

  size(): { width: number; height: number } {
    const { width, height } = this.canvas;
    return { width, height };
  }

  /** @param noteMs how often a note is told meanwhile; 0 for never. */
  async framesASecond(
    motion: 'pan' | 'zoom',
    milliseconds: number,
    noteMs: number,
    url: string,
  ): Promise<number> {
    const note = await this.cells(url);
    const telling =
      noteMs > 0 ? setInterval(() => this.post({ type: 'note', pane: 0, note }), noteMs) : 0;
    const before = this.frames;
    const began = performance.now();
    await this.#move(motion, milliseconds);
    const seconds = (performance.now() - began) / 1000;
    clearInterval(telling);
    return (this.frames - before) / seconds;
  }

  /** As a person drags the map about, or turns the wheel to and fro. */
  async #move(motion: 'pan' | 'zoom', milliseconds: number): Promise<void> {
    const { canvas } = this;
    const room = canvas.getBoundingClientRect();
    const middle = { clientX: room.x + room.width / 2, clientY: room.y + room.height / 2 };
    const point = (type: string, turn: number) => {
      const clientX = middle.clientX + 40 * Math.sin(turn / 5);
      canvas.dispatchEvent(new PointerEvent(type, { ...middle, clientX, pointerId: 1 }));
    };
    // A pointer that is not real can't be captured.
    canvas.setPointerCapture = () => undefined;
    if (motion === 'pan') point('pointerdown', 0);
    const until = performance.now() + milliseconds;
    for (let turn = 1; performance.now() < until; turn++) {
      const deltaY = Math.floor(turn / 20) % 2 === 0 ? -60 : 60;
      if (motion === 'pan') point('pointermove', turn);
      else canvas.dispatchEvent(new WheelEvent('wheel', { ...middle, deltaY, cancelable: true }));
      await new Promise(requestAnimationFrame);
      this.finish();
    }
    if (motion === 'pan') point('pointercancel', 0);
  }

  #hear({ type }: FromWebview): void {
    if (type !== 'painted') return;
    this.frames++;
    const asked = this.#asked;
    this.#asked = [];
    for (const resolve of asked) resolve();
  }
}

function refuseWebGl(): void {
  const real = Object.getOwnPropertyDescriptor(HTMLCanvasElement.prototype, 'getContext')!
    .value as (this: HTMLCanvasElement, ...args: unknown[]) => unknown;
  const refusing = function (this: HTMLCanvasElement, kind: string, ...rest: unknown[]): unknown {
    return kind === 'webgl2' ? null : real.call(this, kind, ...rest);
  };
  Object.assign(HTMLCanvasElement.prototype, { getContext: refusing });
}

new InPage();
