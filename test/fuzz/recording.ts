/** Recorded exchanges between a reader of ours and a real peer, as scripts/record-exchanges.ts made them. */

/** What one side said before the other one spoke. */
export type Turn =
  | { readonly by: 'reader' | 'peer'; readonly text: string }
  | { readonly by: 'reader' | 'peer'; readonly base64: string };

export interface Recording {
  /** Who spoke with whom. */
  readonly about: string;
  readonly turns: readonly Turn[];
}

/** What the peer said, a turn at a time. */
export function saidBy(by: Turn['by'], { turns }: Recording): Buffer[] {
  return turns.filter((turn) => turn.by === by).map(bytesOf);
}

/** The lines that one side said, with their ends. */
export function linesBy(by: Turn['by'], recording: Recording): Buffer[] {
  const text = Buffer.concat(saidBy(by, recording)).toString('utf8');
  return text
    .split(/(?<=\n)/)
    .filter((line) => line.trim() !== '')
    .map((line) => Buffer.from(line));
}

function bytesOf(turn: Turn): Buffer {
  return 'text' in turn ? Buffer.from(turn.text) : Buffer.from(turn.base64, 'base64');
}
