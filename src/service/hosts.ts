/** Looks at hosts. */
import { UsageError } from '../base/errors.js';
import type { ServiceParts } from './parts.js';
import type { Handlers } from './server.js';
import type { ServiceMethod } from './types.js';

export function hostHandlers(
  _parts: ServiceParts,
): Handlers<Extract<ServiceMethod, `host.${string}`>> {
  return {
    'host.look': () => Promise.reject(new UsageError('Not there yet.')),
    'host.find': () => Promise.reject(new UsageError('Not there yet.')),
  };
}
