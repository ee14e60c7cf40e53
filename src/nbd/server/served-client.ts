/** One client from its greeting to its end: the handshake within its time, then the transmission. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { SlabPool } from '../slab.js';
import type { Wire } from '../wire.js';
import { leave } from './leave.js';
import { Negotiation, type Agreement, type Exports } from './negotiation.js';
import { quote, type OfferedExport } from './offered-export.js';
import { OptionIntake } from './option-intake.js';
import { receive } from './receive.js';
import { Transmission, type TransmissionLimits } from './transmission.js';

/** What the clients of a server have in common. */
export interface ClientTerms {
  readonly clock: Clock;
  readonly logger: Logger;
  /** For the whole handshake, in milliseconds. */
  readonly handshakeTimeout: number;
  readonly limits: TransmissionLimits;
  readonly pool: SlabPool;
}

export class ServedClient {
  /** What the client uses, from the end of its handshake on. */
  using: OfferedExport | undefined;
  /** Resolves when the client is gone and nothing that it asked for runs; never rejects. */
  readonly gone: Promise<void>;
  readonly #wire: Wire;
  #transmission: Transmission | undefined;

  constructor(
    stream: Duplex,
    /** How people know the client. */
    readonly name: string,
    exports: Omit<Exports, 'enter'>,
    private readonly terms: ClientTerms,
  ) {
    this.#wire = receive(stream, name, terms.pool);
    this.gone = this.#serve(exports);
  }

  /** Sends the client away; resolves when nothing that it asked for runs. */
  async shutDown(): Promise<void> {
    if (this.#transmission) await this.#transmission.shutDown();
    else this.#wire.destroy();
  }

  async #serve(exports: Omit<Exports, 'enter'>): Promise<void> {
    const { clock, logger, limits } = this.terms;
    const wire = this.#wire;
    const agreement = await this.#negotiate({
      find: (name) => exports.find(name),
      all: () => exports.all(),
      enter: (offered) => (this.using = offered),
    });
    if (agreement === undefined) {
      await leave(wire, clock, true);
      return;
    }
    const { offered } = agreement;
    logger.log('info', `${this.name} uses the export ${quote(offered.name)}.`);
    this.#transmission = new Transmission(wire, agreement, limits, clock, logger);
    await this.#transmission.run();
    logger.log('info', `${this.name} is gone.`);
  }

  /** Undefined when there is nothing to transmit: the client left, or had to. */
  async #negotiate(exports: Exports): Promise<Agreement | undefined> {
    const { clock, logger, handshakeTimeout } = this.terms;
    const wire = this.#wire;
    const over = new AbortController();
    const late = (): void => {
      logger.log('warn', `${this.name} took more than ${handshakeTimeout} ms for its handshake.`);
      wire.destroy();
    };
    void clock.sleep(handshakeTimeout, over.signal).then(late, () => undefined);
    try {
      return await new Negotiation(new OptionIntake(wire), exports, this.name).run();
    } catch (error) {
      logger.log('warn', messageOf(error));
      wire.destroy();
      return undefined;
    } finally {
      over.abort();
    }
  }
}
