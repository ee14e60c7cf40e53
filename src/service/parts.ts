/** What the handlers of the service are given to work with. */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';

export interface ServiceParts {
  readonly clock: Clock;
  readonly logger: Logger;
}
