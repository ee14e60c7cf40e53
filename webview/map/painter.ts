/**
 * Paints a map with WebGL2. The words are a texture in the order of places; a pass makes colours of
 * those that changed; a frame draws what is seen of them. A frame costs the same for any disk.
 */
import { LAYERS, WEIGHTS, placeOf, type LayerName, type Palette } from '../../src/heatmap/index.js';
import type { MapCells } from './cells.js';
import { COLOUR, COVER, DRAW } from './shaders.js';

/** What is seen of a map, in places. */
export interface Seen {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Look {
  readonly layer: LayerName | 'blended';
  readonly palette: Palette;
  /** A bit for each state that is lit; 0 for all. */
  readonly lit: number;
  /** Place of the cursor. */
  readonly cursor: { readonly x: number; readonly y: number } | undefined;
}

const LAYER_NAMES = Object.keys(LAYERS) as LayerName[];
const BLENDED = LAYER_NAMES.length;

export class Painter {
  #colourProgram!: WebGLProgram;
  #drawProgram!: WebGLProgram;
  #words: WebGLTexture | null = null;
  #marks: WebGLTexture | null = null;
  #colour: WebGLTexture | null = null;
  #frame: WebGLFramebuffer | null = null;
  #marked: Uint8Array = new Uint8Array();
  #marking = false;
  #of: MapCells | undefined;
  #width = 0;
  #height = 0;
  #stale = true;

  /** @param gl of the canvas. */
  constructor(private readonly gl: WebGL2RenderingContext) {
    this.reset();
  }

  /** The context is new: everything is made again. */
  reset(): void {
    const { gl } = this;
    this.#colourProgram = programOf(gl, COVER, COLOUR);
    this.#drawProgram = programOf(gl, COVER, DRAW);
    gl.bindVertexArray(gl.createVertexArray());
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.#of = undefined;
  }

  /** Colours have to be made anew: layer, palette or what is lit changed. */
  invalidate(): void {
    this.#stale = true;
  }

  /** Marks the cells of a file; undefined for none. Pairs: first cell, number of cells. */
  mark(cells: MapCells, runs: Uint32Array | undefined): void {
    this.#prepare(cells);
    this.#marking = runs !== undefined;
    for (let place = 0; place < this.#marked.length; place++) this.#marked[place]! &= 2;
    for (let index = 0; runs && index + 1 < runs.length; index += 2) {
      const end = runs[index]! + runs[index + 1]!;
      for (let cell = runs[index]!; cell < end; cell++)
        this.#marked[placeOf(cells.layout, cell)]! |= 1;
    }
    this.#uploadMarks();
    this.#stale = true;
  }

  paint(cells: MapCells, seen: Seen, look: Look): void {
    const { gl } = this;
    this.#prepare(cells);
    this.#upload(cells);
    if (this.#stale) this.#makeColours(look);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.disable(gl.SCISSOR_TEST);
    const program = this.#drawProgram;
    gl.useProgram(program);
    const at = (name: string): WebGLUniformLocation | null => gl.getUniformLocation(program, name);
    this.#bind(0, this.#colour);
    this.#bind(1, this.#words);
    gl.uniform1i(at('colour'), 0);
    gl.uniform1i(at('words'), 1);
    gl.uniform4f(at('seen'), seen.x, seen.y, seen.width, seen.height);
    gl.uniform2f(at('size'), this.#width, this.#height);
    gl.uniform2f(at('screen'), gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.uniform3fv(
      at('ground'),
      look.palette.ground.map((part) => part / 255),
    );
    gl.uniform1i(at('layer'), numberOf(look.layer));
    gl.uniform2f(at('cursor'), look.cursor?.x ?? -1, look.cursor?.y ?? -1);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  #prepare(cells: MapCells): void {
    const { width, height } = cells.layout;
    if (this.#of === cells && width === this.#width && height === this.#height) return;
    const { gl } = this;
    for (const texture of [this.#words, this.#marks, this.#colour]) gl.deleteTexture(texture);
    this.#of = cells;
    this.#width = width;
    this.#height = height;
    this.#words = this.#texture(gl.R32UI, 1, gl.NEAREST, gl.NEAREST);
    this.#marks = this.#texture(gl.R8UI, 1, gl.NEAREST, gl.NEAREST);
    const levels = Math.floor(Math.log2(Math.max(width, height))) + 1;
    this.#colour = this.#texture(gl.RGBA8, levels, gl.LINEAR_MIPMAP_LINEAR, gl.NEAREST);
    this.#frame ??= gl.createFramebuffer();
    this.#marked = new Uint8Array(width * height);
    for (let cell = 0; cell < cells.layout.cells; cell++)
      this.#marked[placeOf(cells.layout, cell)] = 2;
    this.#uploadMarks();
    this.#uploadRows(cells, 0, height);
    cells.takeChanged();
    this.#stale = true;
  }

  #upload(cells: MapCells): void {
    const changed = cells.takeChanged();
    if (!changed) return;
    this.#uploadRows(cells, changed.first, changed.count);
    this.#stale = true;
  }

  #uploadRows(cells: MapCells, first: number, count: number): void {
    const { gl } = this;
    const width = this.#width;
    this.#bind(0, this.#words);
    gl.texSubImage2D(
      ...([gl.TEXTURE_2D, 0, 0, first, width, count, gl.RED_INTEGER, gl.UNSIGNED_INT] as const),
      cells.words.subarray(first * width, (first + count) * width),
    );
  }

  #uploadMarks(): void {
    const { gl } = this;
    this.#bind(0, this.#marks);
    gl.texSubImage2D(
      ...([gl.TEXTURE_2D, 0, 0, 0, this.#width, this.#height, gl.RED_INTEGER] as const),
      gl.UNSIGNED_BYTE,
      this.#marked,
    );
  }

  #makeColours(look: Look): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#frame);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.#colour, 0);
    gl.viewport(0, 0, this.#width, this.#height);
    const program = this.#colourProgram;
    gl.useProgram(program);
    const at = (name: string): WebGLUniformLocation | null => gl.getUniformLocation(program, name);
    this.#bind(0, this.#words);
    this.#bind(1, this.#marks);
    gl.uniform1i(at('words'), 0);
    gl.uniform1i(at('marks'), 1);
    gl.uniform4fv(at('colours'), coloursOf(look.palette));
    gl.uniform1i(at('layer'), numberOf(look.layer));
    gl.uniform1i(at('lit'), look.lit);
    gl.uniform1i(at('marking'), this.#marking ? 1 : 0);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    this.#bind(0, this.#colour);
    gl.generateMipmap(gl.TEXTURE_2D);
    this.#stale = false;
  }

  #texture(format: number, levels: number, small: number, large: number): WebGLTexture | null {
    const { gl } = this;
    const texture = gl.createTexture();
    this.#bind(0, texture);
    gl.texStorage2D(gl.TEXTURE_2D, levels, format, this.#width, this.#height);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, small);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, large);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return texture;
  }

  #bind(unit: number, texture: WebGLTexture | null): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, texture);
  }
}

function numberOf(layer: Look['layer']): number {
  return layer === 'blended' ? BLENDED : LAYER_NAMES.indexOf(layer);
}

/** Eight places for each layer, and the ground as the last. */
function coloursOf(palette: Palette): Float32Array {
  const colours = new Float32Array(32 * 4);
  LAYER_NAMES.forEach((layer, row) => {
    palette[layer].forEach(([red, green, blue], state) => {
      const weight = WEIGHTS[layer][state] ?? 1;
      colours.set([red / 255, green / 255, blue / 255, weight], (row * 8 + state) * 4);
    });
  });
  colours.set([...palette.ground.map((part) => part / 255), 1], 31 * 4);
  return colours;
}

function programOf(gl: WebGL2RenderingContext, vertex: string, fragment: string): WebGLProgram {
  const program = gl.createProgram();
  for (const [type, text] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
    const shader = gl.createShader(type);
    if (!shader) break;
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    if (gl.getShaderParameter(shader, gl.COMPILE_STATUS) !== true && !gl.isContextLost())
      throw new Error(`A shader can't be compiled: ${gl.getShaderInfoLog(shader) ?? ''}`);
  }
  gl.linkProgram(program);
  if (gl.getProgramParameter(program, gl.LINK_STATUS) !== true && !gl.isContextLost())
    throw new Error(`The shaders can't be linked: ${gl.getProgramInfoLog(program) ?? ''}`);
  return program;
}
