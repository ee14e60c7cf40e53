/** Runs: which there are, new ones, and what dead ones left. */
import { UsageError } from '../base/errors.js';
import type { ServiceParts } from './parts.js';
import type { Handlers } from './server.js';
import type { ServiceMethod } from './types.js';

export function runHandlers(
  _parts: ServiceParts,
): Handlers<Extract<ServiceMethod, `run.${string}`>> {
  return {
    'run.list': () => Promise.reject(new UsageError('Not there yet.')),
    'run.start': () => Promise.reject(new UsageError('Not there yet.')),
    'run.tell': () => Promise.reject(new UsageError('Not there yet.')),
    'run.resume': () => Promise.reject(new UsageError('Not there yet.')),
    'run.forget': () => Promise.reject(new UsageError('Not there yet.')),
    'run.findings': () => Promise.reject(new UsageError('Not there yet.')),
    'run.recover': () => Promise.reject(new UsageError('Not there yet.')),
  };
}
