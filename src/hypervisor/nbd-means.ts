/** By what this folder reaches NBD servers. */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { NbdDial } from '../nbd/index.js';

export interface NbdMeans {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Instead of sockets of this machine. */
  readonly dial?: NbdDial | undefined;
}
