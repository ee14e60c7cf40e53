/** Colours and text that is safe to print. */
import pc from 'picocolors';

export type Paint = (text: string) => string;

/** What the view paints with; every function gives its text back as it is where colours are off. */
export interface Style {
  readonly strong: Paint;
  readonly quiet: Paint;
  readonly good: Paint;
  readonly warning: Paint;
  readonly bad: Paint;
  /** What must not be overlooked. */
  readonly alarm: Paint;
  readonly marker: Paint;
  readonly cell: {
    readonly free: Paint;
    readonly pending: Paint;
    readonly sent: Paint;
    readonly resent: Paint;
    readonly deferred: Paint;
    readonly dirty: Paint;
    readonly writeback: Paint;
    readonly clean: Paint;
    readonly uncached: Paint;
  };
}

/** @param colours false gives text without any escape sequence. */
export function createStyle(colours: boolean): Style {
  const c = pc.createColors(colours);
  const onto = (background: Paint, foreground: Paint): Paint => {
    return (text) => background(foreground(text));
  };
  return {
    strong: (text) => c.bold(text),
    quiet: (text) => c.dim(text),
    good: (text) => c.green(text),
    warning: (text) => c.yellow(text),
    bad: (text) => c.red(text),
    alarm: (text) => c.bold(c.inverse(c.red(text))),
    marker: (text) => c.bold(c.cyan(text)),
    cell: {
      free: (text) => c.dim(text),
      pending: (text) => c.blueBright(text),
      sent: (text) => c.green(text),
      resent: onto((text) => c.bgYellow(text), c.black),
      deferred: onto((text) => c.bgMagenta(text), c.black),
      dirty: onto((text) => c.bgRed(text), c.black),
      writeback: onto((text) => c.bgYellow(text), c.black),
      clean: (text) => c.green(text),
      uncached: (text) => c.blueBright(text),
    },
  };
}

/** Whether a stream gets colours: FORCE_COLOR, NO_COLOR, TERM and the terminal decide, in this order. */
export function wantsColours(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (env['FORCE_COLOR'] !== undefined) return !['', '0', 'false'].includes(env['FORCE_COLOR']);
  if (env['NO_COLOR']) return false;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/**
 * Text that came from a guest, a hypervisor or a peer, made safe for a terminal: control and
 * format characters, which could steer the terminal, become `?`.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

/** Text cut to `width` characters, with an ellipsis where it was cut. */
export function clip(text: string, width: number): string {
  const characters = Array.from(text);
  if (characters.length <= width) return text;
  return width < 1 ? '' : `${characters.slice(0, width - 1).join('')}…`;
}

/** A path cut in its middle, so that its beginning and its name stay. */
export function clipMiddle(text: string, width: number): string {
  const characters = Array.from(text);
  if (characters.length <= width) return text;
  if (width < 3) return clip(text, width);
  const tail = Math.ceil((width - 1) * 0.7);
  const head = width - 1 - tail;
  return `${characters.slice(0, head).join('')}…${characters.slice(-tail).join('')}`;
}

/** Text broken at spaces into lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line ? `${line} ${word}` : word;
  }
  if (line) lines.push(line);
  return lines.map((each) => clip(each, width));
}
