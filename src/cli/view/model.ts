/** A migration as a person follows it: events in, the state of the view out. No input or output here. */
import { blockGeometry, type MigrationEvent } from '../../engine/index.js';
import type {
  CacheEvent,
  ErrorEvent,
  ProbeEvent,
  SwitchoverEvent,
  VerifyEvent,
} from '../../engine/index.js';
import { RunFigures, TAKING_LINES, type RoundRow } from '../../progress/index.js';
import { MigrationBlocks } from './blocks.js';

export class ViewModel extends RunFigures {
  blocks: MigrationBlocks | undefined;
  probe: ProbeEvent | undefined;
  /** The newest look at the page cache. */
  cache: CacheEvent | undefined;
  verify: VerifyEvent | undefined;
  switchover: SwitchoverEvent | undefined;
  error: ErrorEvent | undefined;
  /** The next dirty event is what the program takes to what is pending, before it sends. */
  #taking = false;

  /** Takes the next event; costs time in proportion to what it changes. */
  override apply(event: MigrationEvent): void {
    if (event.type === 'start')
      this.blocks = new MigrationBlocks(blockGeometry(event.granularity, event.disk.size));
    if (this.blocks) this.#changeBlocks(this.blocks, event);
    super.apply(event);
    switch (event.type) {
      case 'cache':
        this.cache = event;
        return;
      case 'probe':
        this.probe = event;
        if (event.state === 'lost') this.#forgetCache();
        return;
      case 'verify':
        this.verify = event;
        return;
      case 'switchover':
        this.switchover = event;
        return;
      case 'error':
        this.error = event;
    }
  }

  /** Finished rounds, and the one that goes on. */
  rounds(): readonly RoundRow[] {
    return this.allRounds({
      pendingBytes: this.missingBytes,
      deferredBytes: this.blocks?.bytes('deferred') ?? 0,
    });
  }

  /** Bytes that the destination lacks in their newest form, put off or not. */
  get missingBytes(): number {
    return this.blocks ? this.blocks.bytes('pending') + this.blocks.bytes('deferred') : 0;
  }

  protected override beginAgain(): void {
    super.beginAgain();
    this.#forgetCache();
  }

  #changeBlocks(blocks: MigrationBlocks, event: MigrationEvent): void {
    switch (event.type) {
      case 'statement':
        if (TAKING_LINES.includes(event.line)) this.#taking = true;
        if (event.line === 12 || event.line === 15) blocks.deferNothing();
        return;
      case 'allocated':
        blocks.allocated(blocks.decode(event.blocks));
        return;
      case 'taken-over':
        blocks.allocated(blocks.decode(event.pending));
        blocks.beginSending();
        return;
      case 'dirty':
        blocks.dirtied(blocks.decode(event.blocks));
        if (this.#taking) blocks.beginSending();
        this.#taking = false;
        return;
      case 'cache':
        blocks.cached(blocks.decode(event.dirty));
        return;
      case 'plan':
        blocks.planned(event.deferred);
        return;
      case 'sent':
        blocks.sent(blocks.decode(event.blocks));
        return;
      case 'batch':
        blocks.beginSending();
        return;
      case 'paused':
      case 'drain':
        this.#taking = true;
    }
  }

  #forgetCache(): void {
    this.cache = undefined;
    if (this.blocks) this.blocks.cached(this.blocks.decode([]));
  }
}
