/**
 * Paints a map with WebGL2. All words are a texture, and the means of their colours another one for
 * what is seen from afar; tiles that changed are put into both. A frame costs the same for any disk.
 */
import {
  LAYERS,
  STRETCH,
  TILE,
  colourTable,
  hatchedStates,
  unit,
  type Layout,
  type ShownLayer,
} from '../../src/heatmap/index.js';
import type { MapCells } from './cells.js';
import { GlProgram } from './gl-program.js';
import type { Look, MapPainter, Seen } from './painter.js';
import { COVER, DRAW, MEAN, PLACE, SHRINK, TILES } from './shaders.js';

const LAYER_NUMBERS: readonly ShownLayer[] = [...(Object.keys(LAYERS) as ShownLayer[]), 'blended'];
/** Most tiles that are sent to the graphics card at a time. */
const MOST_SENT = 2048;
/** Levels of means in which a tile has texels of its own. */
const TILE_LEVELS = Math.log2(TILE);
/** Where a larger share of the tiles changed, everything is made anew in less time. */
const MOST_BY_TILE = 0.4;
/** A list of one tile, which is everything. */
const WHOLE = [0];

interface Programs {
  readonly place: GlProgram;
  readonly mean: GlProgram;
  readonly shrink: GlProgram;
  readonly draw: GlProgram;
}

/** All by which a word gets its colour. */
interface Colours {
  readonly layer: ShownLayer;
  readonly table: Float32Array;
  readonly marking: boolean;
}

/** The textures of a layout; each side is a whole number of tiles. */
interface Textures {
  readonly layout: Layout;
  readonly across: number;
  readonly tiles: number;
  readonly width: number;
  readonly height: number;
  readonly words: WebGLTexture;
  readonly means: WebGLTexture;
  readonly levels: number;
}

export class WebGlPainter implements MapPainter {
  #programs!: Programs;
  #frame!: WebGLFramebuffer;
  #came!: WebGLTexture;
  #textures: Textures | undefined;
  /** The tiles that the graphics card has a list of. */
  #listed: readonly number[] | undefined;
  /** The colours of which the means were made. */
  #made: Colours | undefined;

  /** @param gl of the canvas. */
  constructor(private readonly gl: WebGL2RenderingContext) {
    this.reset();
  }

  reset(): void {
    const { gl } = this;
    this.#programs = {
      place: new GlProgram(gl, TILES, PLACE),
      mean: new GlProgram(gl, TILES, MEAN),
      shrink: new GlProgram(gl, TILES, SHRINK),
      draw: new GlProgram(gl, COVER, DRAW),
    };
    gl.bindVertexArray(gl.createVertexArray());
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.enableVertexAttribArray(0);
    gl.vertexAttribIPointer(0, 1, gl.UNSIGNED_INT, 0, 0);
    this.#listed = undefined;
    this.#frame = gl.createFramebuffer();
    this.#came = this.#texture(gl.R32UI, 1, STRETCH, MOST_SENT);
    this.#textures = undefined;
  }

  paint(cells: MapCells, seen: Seen, look: Look): void {
    const changed = cells.takeChanged();
    let textures = this.#textures;
    const isNew = textures?.layout !== cells.layout;
    if (isNew || !textures) textures = this.#textures = this.#create(cells.layout);
    const most = isNew || changed.length > textures.tiles * MOST_BY_TILE;
    if (most) this.#sendAll(textures, cells);
    else this.#send(textures, cells, changed);
    const colours = { ...look, marking: cells.marking, table: colourTable(look) };
    if (most || !sameColours(colours, this.#made)) this.#makeMeans(textures, colours, undefined);
    else if (changed.length > 0) this.#makeMeans(textures, colours, changed);
    this.#made = colours;
    this.#draw(textures, colours, seen, look);
  }

  #create(layout: Layout): Textures {
    const { gl } = this;
    gl.deleteTexture(this.#textures?.words ?? null);
    gl.deleteTexture(this.#textures?.means ?? null);
    const across = Math.ceil(layout.width / TILE);
    const down = Math.ceil(layout.height / TILE);
    const [width, height] = [across * TILE, down * TILE];
    const levels = Math.floor(Math.log2(Math.max(width, height)));
    const words = this.#texture(gl.R32UI, 1, width, height);
    const means = this.#texture(gl.RGBA8, levels, width / 2, height / 2);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    return { layout, across, tiles: across * down, width, height, words, means, levels };
  }

  #sendAll(textures: Textures, { layout: { width, height }, words }: MapCells): void {
    const { gl } = this;
    this.#bind(0, textures.words);
    gl.texSubImage2D(
      ...([gl.TEXTURE_2D, 0, 0, 0, width, height, gl.RED_INTEGER, gl.UNSIGNED_INT] as const),
      words,
    );
  }

  /** Sends the words of tiles, each as a row, and puts them in their places. */
  #send(textures: Textures, cells: MapCells, tiles: readonly number[]): void {
    const { gl } = this;
    const { place } = this.#programs;
    for (let first = 0; first < tiles.length; first += MOST_SENT) {
      const some = tiles.slice(first, first + MOST_SENT);
      const packed = wordsOfTiles(cells, textures.across, some);
      this.#bind(0, this.#came);
      gl.texSubImage2D(
        ...([gl.TEXTURE_2D, 0, 0, 0, STRETCH, some.length] as const),
        ...([gl.RED_INTEGER, gl.UNSIGNED_INT, packed] as const),
      );
      this.#paintOn(textures.words, 0, textures.width, textures.height);
      gl.uniform1i(place.use().at('came'), 0);
      this.#drawTiles(place, textures, TILE, some);
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  /** @param tiles those that changed; undefined for all. */
  #makeMeans(textures: Textures, colours: Colours, tiles: readonly number[] | undefined): void {
    const { gl } = this;
    const { mean, shrink } = this.#programs;
    const { width, height, words, means, levels } = textures;
    this.#bind(0, words);
    this.#bind(1, means);
    mean.use();
    gl.uniform1i(mean.at('words'), 0);
    this.#tellColours(mean, colours);
    for (let level = 0; level < levels; level++) {
      const [wide, high] = [width >> (level + 1) || 1, height >> (level + 1) || 1];
      if (level > 0) {
        gl.uniform1i(shrink.use().at('means'), 1);
        gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_BASE_LEVEL, level - 1);
        gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAX_LEVEL, level - 1);
      }
      this.#paintOn(means, level, wide, high);
      const program = level === 0 ? mean : shrink;
      if (tiles && level < TILE_LEVELS)
        this.#drawTiles(program, textures, TILE >> (level + 1), tiles);
      else this.#drawWhole(program, wide, high);
    }
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_BASE_LEVEL, 0);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAX_LEVEL, levels - 1);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  #draw(textures: Textures, colours: Colours, seen: Seen, look: Look): void {
    const { gl } = this;
    const { draw } = this.#programs;
    const { width, height } = textures.layout;
    const [wide, high] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
    gl.viewport(0, 0, wide, high);
    draw.use();
    this.#bind(0, textures.words);
    this.#bind(1, textures.means);
    gl.uniform1i(draw.at('words'), 0);
    gl.uniform1i(draw.at('means'), 1);
    gl.uniform4f(draw.at('seen'), seen.x, seen.y, seen.width, seen.height);
    gl.uniform2f(draw.at('size'), width, height);
    gl.uniform2f(draw.at('screen'), wide, high);
    gl.uniform3fv(draw.at('ground'), unit(look.palette.ground));
    gl.uniform1i(draw.at('hatched'), hatchedStates(look.layer));
    gl.uniform2f(draw.at('cursor'), look.cursor?.x ?? -1, look.cursor?.y ?? -1);
    this.#tellColours(draw, colours);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  #tellColours(program: GlProgram, { layer, table, marking }: Colours): void {
    const { gl } = this;
    gl.uniform4fv(program.at('colours'), table);
    gl.uniform1i(program.at('layer'), LAYER_NUMBERS.indexOf(layer));
    gl.uniform1i(program.at('marking'), marking ? 1 : 0);
  }

  #paintOn(texture: WebGLTexture, level: number, width: number, height: number): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#frame);
    gl.framebufferTexture2D(
      ...([gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, level] as const),
    );
    gl.viewport(0, 0, width, height);
  }

  #drawTiles(
    program: GlProgram,
    { across, width, height }: Textures,
    side: number,
    tiles: readonly number[],
  ): void {
    const scale = side / TILE;
    this.#drawSquares(program, across, [side, side], [width * scale, height * scale], tiles);
  }

  #drawWhole(program: GlProgram, width: number, height: number): void {
    this.#drawSquares(program, 1, [width, height], [width, height], WHOLE);
  }

  #drawSquares(
    program: GlProgram,
    across: number,
    side: readonly [number, number],
    size: readonly [number, number],
    tiles: readonly number[],
  ): void {
    const { gl } = this;
    if (tiles !== this.#listed) {
      const corners = Uint32Array.from(
        { length: 6 * tiles.length },
        (_, at) => tiles[(at / 6) | 0]!,
      );
      gl.bufferData(gl.ARRAY_BUFFER, corners, gl.STREAM_DRAW);
      this.#listed = tiles;
    }
    gl.uniform1i(program.at('across'), across);
    gl.uniform2f(program.at('side'), ...side);
    gl.uniform2f(program.at('size'), ...size);
    gl.drawArrays(gl.TRIANGLES, 0, 6 * tiles.length);
  }

  #texture(format: number, levels: number, width: number, height: number): WebGLTexture {
    const { gl } = this;
    const texture = gl.createTexture();
    this.#bind(0, texture);
    gl.texStorage2D(gl.TEXTURE_2D, levels, format, width, height);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
      gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T])
      gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    return texture;
  }

  #bind(unit: number, texture: WebGLTexture): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, texture);
  }
}

function sameColours(one: Colours, other: Colours | undefined): boolean {
  return (
    one.layer === other?.layer &&
    one.marking === other.marking &&
    one.table.every((part, index) => part === other.table[index])
  );
}

/** STRETCH words for each tile, row by row; zeroes where the map ends within it. */
function wordsOfTiles(
  { layout: { width, height }, words }: MapCells,
  across: number,
  tiles: readonly number[],
): Uint32Array {
  const packed = new Uint32Array(tiles.length * STRETCH);
  tiles.forEach((tile, index) => {
    const [left, top] = [(tile % across) * TILE, Math.floor(tile / across) * TILE];
    const [wide, high] = [Math.min(TILE, width - left), Math.min(TILE, height - top)];
    for (let y = 0; y < high; y++) {
      const from = (top + y) * width + left;
      const to = index * STRETCH + y * TILE;
      for (let x = 0; x < wide; x++) packed[to + x] = words[from + x]!;
    }
  });
  return packed;
}
