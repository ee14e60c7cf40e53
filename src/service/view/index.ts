/** The door of views: a run, a trace or a watched disk, at any moment of it. */
import { UsageError } from '../../base/errors.js';
import type { ServiceParts } from '../parts.js';
import type { Handlers } from '../server.js';
import type { ServiceMethod, ViewNote } from '../types.js';

export function viewHandlers(
  _parts: ServiceParts & { readonly note: (note: ViewNote) => void },
): Handlers<Extract<ServiceMethod, `view.${string}`>> {
  return {
    'view.open': () => Promise.reject(new UsageError('Not there yet.')),
    'view.seek': () => Promise.reject(new UsageError('Not there yet.')),
    'view.block': () => Promise.reject(new UsageError('Not there yet.')),
    'view.files': () => Promise.reject(new UsageError('Not there yet.')),
    'view.regions': () => Promise.reject(new UsageError('Not there yet.')),
    'view.file': () => Promise.reject(new UsageError('Not there yet.')),
    'view.tell': () => Promise.reject(new UsageError('Not there yet.')),
    'view.csv': () => Promise.reject(new UsageError('Not there yet.')),
  };
}
