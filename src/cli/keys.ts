/** Single keys from a terminal, which is given back as it was, however the process ends. */
import type { Input, World } from './world.js';

const ESCAPE = '\u001b';

/**
 * Calls `onKey` for each key from now on; what starts with an escape (arrows and the like) is left out.
 * @returns ends it and restores the terminal; to call it again does nothing.
 */
export function readKeys(
  input: Input,
  world: Pick<World, 'onExit'>,
  onKey: (key: string) => void,
): () => void {
  const onData = (data: Buffer | string) => {
    const text = data.toString();
    if (text.startsWith(ESCAPE)) return;
    for (const key of text) onKey(key);
  };
  input.setRawMode?.(true);
  input.on('data', onData);
  input.resume();
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    unlisten();
    input.off('data', onData);
    input.setRawMode?.(false);
    input.pause();
  };
  const unlisten = world.onExit(close);
  return close;
}

export const CTRL_C = '\u0003';
