/** Simulated guests of the lab. */
import { UsageError } from '../base/errors.js';
import type { Handlers } from './server.js';
import type { ServiceMethod } from './types.js';

export function labHandlers(): Handlers<Extract<ServiceMethod, `lab.${string}`>> {
  return {
    'lab.list': () => Promise.reject(new UsageError('Not there yet.')),
    'lab.up': () => Promise.reject(new UsageError('Not there yet.')),
    'lab.down': () => Promise.reject(new UsageError('Not there yet.')),
  };
}
