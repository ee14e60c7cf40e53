/** The programs of the graphics card: words to colours, and colours to the screen. */

/** A triangle that covers everything; `at` runs over the unit square. */
export const COVER = `#version 300 es
out vec2 at;
void main() {
  at = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
  gl_Position = vec4(at * 2.0 - 1.0, 0.0, 1.0);
}`;

/**
 * Words to colours, one to one. The colour is multiplied by its weight, which is the alpha: so the
 * mean over many cells leans to what matters. The bits are those of src/heatmap/word.ts.
 */
export const COLOUR = `#version 300 es
precision highp float;
precision highp usampler2D;
uniform usampler2D words;
uniform usampler2D marks;
uniform vec4 colours[32];
uniform int layer;
uniform int lit;
uniform bool marking;
out vec4 colour;

int migration(uint w) {
  if ((w & (1u << 27)) != 0u) return 6;
  if ((w & (1u << 20)) != 0u) {
    if ((w & (15u << 16)) != 0u) return 5;
    return (w & (1u << 21)) != 0u ? 4 : 3;
  }
  uint sent = w & 255u;
  return sent > 1u ? 2 : int(sent);
}
int cache(uint w) { return int((w >> 24) & 3u); }
int disk(uint w) { return (w & (1u << 26)) != 0u ? 2 : (w & (1u << 23)) != 0u ? 1 : 0; }
int frequency(uint w) {
  uint n = (w >> 8) & 255u;
  return n == 0u ? 0 : n == 1u ? 1 : n < 4u ? 2 : n < 8u ? 3 : n < 16u ? 4 : 5;
}
void main() {
  ivec2 place = ivec2(gl_FragCoord.xy);
  uint w = texelFetch(words, place, 0).r;
  uint mark = texelFetch(marks, place, 0).r;
  if ((mark & 2u) == 0u) { colour = vec4(0.0); return; }
  int state = layer == 1 ? cache(w) : layer == 2 ? disk(w) : layer == 3 ? frequency(w) : migration(w);
  vec4 c = colours[(layer == 4 ? 0 : layer) * 8 + state];
  if (layer == 4) {
    int cached = cache(w);
    if (cached > 1) { vec4 over = colours[8 + cached]; c = vec4(mix(c.rgb, over.rgb, 0.55), max(c.a, over.a)); }
  }
  bool dim = (lit != 0 && (lit & (1 << state)) == 0) || (marking && (mark & 1u) == 0u);
  if (dim) c = vec4(mix(colours[31].rgb, c.rgb, 0.15), 0.08);
  colour = vec4(c.rgb * c.a, c.a);
}`;

/** Colours to the screen: what is seen of the map, with lines between cells and hatching where there is room. */
export const DRAW = `#version 300 es
precision highp float;
precision highp usampler2D;
uniform sampler2D colour;
uniform usampler2D words;
uniform vec4 seen;      // x, y, width, height in places
uniform vec2 size;      // of the map, in places
uniform vec2 screen;    // in pixels
uniform vec3 ground;
uniform int layer;
uniform vec2 cursor;    // place, or -1
in vec2 at;
out vec4 shown;

bool hatched(uint w) {
  if (layer == 1) return ((w >> 24) & 3u) == 2u;
  if (layer == 0 || layer == 4) return (w & (1u << 27)) != 0u || ((w & (1u << 20)) != 0u && (w & (15u << 16)) != 0u);
  return false;
}
void main() {
  vec2 place = seen.xy + vec2(at.x, 1.0 - at.y) * seen.zw;
  float pixels = screen.x / seen.z;
  if (any(lessThan(place, vec2(0.0))) || any(greaterThanEqual(place, size))) { shown = vec4(ground, 1.0); return; }
  vec3 c;
  if (pixels >= 1.0) {
    vec4 own = texelFetch(colour, ivec2(place), 0);
    c = own.a > 0.0 ? own.rgb / own.a : ground;
    if (pixels >= 5.0) {
      vec2 within = fract(place) * pixels;
      uint w = texelFetch(words, ivec2(place), 0).r;
      if (own.a > 0.0 && hatched(w) && mod(within.x + within.y, 4.0) < 1.2) c = mix(c, ground, 0.6);
      if (within.x < 1.0 || within.y < 1.0) c = mix(c, ground, 0.75);
    }
  } else {
    vec4 mean = textureLod(colour, place / size, max(0.0, log2(1.0 / pixels)));
    c = mean.a > 0.004 ? mix(ground, mean.rgb / mean.a, min(1.0, mean.a * 6.0)) : ground;
  }
  if (cursor.x >= 0.0 && pixels >= 2.0) {
    vec2 apart = abs(place - (cursor + 0.5)) * pixels;
    float edge = max(apart.x, apart.y) - pixels * 0.5;
    if (edge > -1.0 && edge < 2.0) c = ground.r > 0.5 ? vec3(0.0) : vec3(1.0);
  }
  shown = vec4(c, 1.0);
}`;
