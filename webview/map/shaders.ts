/**
 * The programs of the graphics card. Words are put in their places by tiles (PLACE); the means of
 * 2 × 2 words' colours are the first level of a texture (MEAN), the means of those the next ones
 * (SHRINK); and a frame is drawn of words where cells are larger than pixels, and of means otherwise.
 */

/** A triangle that covers everything; `at` runs over the unit square. */
export const COVER = `#version 300 es
out vec2 at;
void main() {
  at = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
  gl_Position = vec4(at * 2.0 - 1.0, 0.0, 1.0);
}`;

/**
 * A square for each tile of a list, as two triangles. Each of its six corners has the tile's number:
 * instances would be drawn one by one where there is no graphics card.
 */
export const TILES = `#version 300 es
layout(location = 0) in uint tile;
uniform int across;     // tiles in a row
uniform vec2 side;      // of a tile, in texels
uniform vec2 size;      // of what is painted on, in texels
flat out int number;    // of the tile in the list
void main() {
  int row = int(tile) / across;
  number = gl_VertexID / 6;
  int corner = gl_VertexID - number * 6;
  vec2 within = vec2(corner == 1 || corner > 3, corner == 2 || corner == 3 || corner == 5);
  vec2 at = vec2(int(tile) - row * across, row) + within;
  gl_Position = vec4(at * side / size * 2.0 - 1.0, 0.0, 1.0);
}`;

/** Words that came tile by tile, one tile in a row, to their places. */
export const PLACE = `#version 300 es
precision highp float;
precision highp usampler2D;
uniform usampler2D came;
flat in int number;
out uint word;
void main() {
  ivec2 within = ivec2(gl_FragCoord.xy) & 15;
  word = texelFetch(came, ivec2(within.y * 16 + within.x, number), 0).r;
}`;

/** The bits are those of src/heatmap/word.ts, the classes those of src/heatmap/colours.ts. */
const COLOUR = `
uniform vec4 colours[64];
uniform int layer;
uniform bool marking;

bool isThere(uint w) { return (w & (1u << 28)) != 0u; }
int migration(uint w) {
  if ((w & (1u << 27)) != 0u) return 6;
  if ((w & (1u << 20)) != 0u) {
    if ((w & (15u << 16)) != 0u) return 5;
    return (w & (1u << 21)) != 0u ? 4 : 3;
  }
  return min(int(w & 255u), 2);
}
int cache(uint w) { return int((w >> 24) & 3u); }
int disk(uint w) { return (w & (1u << 26)) != 0u ? 2 : (w & (1u << 23)) != 0u ? 1 : 0; }
int frequency(uint w) {
  uint n = (w >> 8) & 255u;
  return n == 0u ? 0 : n == 1u ? 1 : n < 4u ? 2 : n < 8u ? 3 : n < 16u ? 4 : 5;
}
int stateOf(uint w) {
  return layer == 1 ? cache(w) : layer == 2 ? disk(w) : layer == 3 ? frequency(w) : migration(w);
}
vec4 colourOf(uint w) {
  int number = stateOf(w) + (layer == 4 ? 8 * cache(w) : 0);
  return colours[marking && (w & (1u << 29)) == 0u ? number + 32 : number];
}
`;

/**
 * The mean colour of 2 × 2 words. A colour is multiplied by its weight, which is the alpha: so a mean
 * leans to what matters.
 */
export const MEAN = `#version 300 es
precision highp float;
precision highp usampler2D;
uniform usampler2D words;
out vec4 mean;
${COLOUR}
vec4 weighed(ivec2 place) {
  uint w = texelFetch(words, place, 0).r;
  if (!isThere(w)) return vec4(0.0);
  vec4 c = colourOf(w);
  return vec4(c.rgb * c.a, c.a);
}
void main() {
  ivec2 place = ivec2(gl_FragCoord.xy) * 2;
  mean = (weighed(place) + weighed(place + ivec2(1, 0)) + weighed(place + ivec2(0, 1)) + weighed(place + 1)) / 4.0;
}`;

/** A level of means from the one before, which is the base level; the last texel of an odd row takes what is left. */
export const SHRINK = `#version 300 es
precision highp float;
uniform sampler2D means;
out vec4 mean;
void main() {
  ivec2 size = textureSize(means, 0);
  ivec2 first = ivec2(gl_FragCoord.xy) * 2;
  ivec2 last = min(first + 1, size - 1);
  if (first.x + 3 == size.x) last.x++;
  if (first.y + 3 == size.y) last.y++;
  vec4 sum = vec4(0.0);
  for (int y = first.y; y <= last.y; y++)
    for (int x = first.x; x <= last.x; x++) sum += texelFetch(means, ivec2(x, y), 0);
  ivec2 count = last - first + 1;
  mean = sum / float(count.x * count.y);
}`;

/** To the screen: what is seen of the map, with lines between cells and hatching where there is room. */
export const DRAW = `#version 300 es
precision highp float;
precision highp usampler2D;
uniform usampler2D words;
uniform sampler2D means;
uniform vec4 seen;      // x, y, width, height in places
uniform vec2 size;      // of the map, in places
uniform vec2 screen;    // in pixels
uniform vec3 ground;
uniform int hatched;    // a bit for each state
uniform vec2 cursor;    // place, or -1
in vec2 at;
out vec4 shown;
${COLOUR}
void main() {
  vec2 place = seen.xy + vec2(at.x, 1.0 - at.y) * seen.zw;
  float pixels = screen.x / seen.z;
  vec3 c = ground;
  bool inside = all(greaterThanEqual(place, vec2(0.0))) && all(lessThan(place, size));
  if (inside && pixels >= 1.0) {
    uint w = texelFetch(words, ivec2(place), 0).r;
    if (isThere(w)) c = colourOf(w).rgb;
    if (pixels >= 5.0) {
      vec2 within = fract(place) * pixels;
      if (isThere(w) && (hatched & (1 << stateOf(w))) != 0 && mod(within.x + within.y, 4.0) < 1.2) c = mix(c, ground, 0.6);
      if (within.x < 1.0 || within.y < 1.0) c = mix(c, ground, 0.75);
    }
  } else if (inside) {
    vec2 whole = vec2(textureSize(words, 0));
    vec4 mean = textureLod(means, place / whole, max(0.0, log2(1.0 / pixels) - 1.0));
    if (mean.a > 0.004) c = mix(ground, mean.rgb / mean.a, min(1.0, mean.a * 6.0));
  }
  if (cursor.x >= 0.0 && pixels >= 2.0) {
    vec2 apart = abs(place - (cursor + 0.5)) * pixels;
    float edge = max(apart.x, apart.y) - pixels * 0.5;
    if (edge > -1.0 && edge < 2.0) c = ground.r > 0.5 ? vec3(0.0) : vec3(1.0);
  }
  shown = vec4(c, 1.0);
}`;
