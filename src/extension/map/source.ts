/** What a map can show, as it is kept over a reload. */
import type { ViewSource } from '../../service/types.js';

/** One or two sources, side by side. */
export interface MapRequest {
  readonly title: string;
  readonly sources: readonly ViewSource[];
}

const TYPES: readonly string[] = ['run', 'trace', 'watch'];

/** Whether a webview's state from before a reload is a request; anything else is not restored. */
export function isMapRequest(value: unknown): value is MapRequest {
  if (typeof value !== 'object' || value === null) return false;
  const { title, sources } = value as Partial<MapRequest>;
  return (
    typeof title === 'string' &&
    Array.isArray(sources) &&
    sources.length >= 1 &&
    sources.length <= 2 &&
    sources.every((source: Partial<ViewSource>) => TYPES.includes(source.type ?? ''))
  );
}
