/** What a person can know of one block at the moment that is shown, and why it is as it is. */
import { UsageError } from '../../base/errors.js';
import { explainReason } from '../../engine/index.js';
import { DIFFERS, PENDING, reasonOf, sentCountOf } from '../../heatmap/index.js';
import type { BlockDetail, BlockEvent, Text } from '../types.js';
import { historyOf } from './block-history.js';
import type { Moment } from './moment.js';
import type { Recording } from './recording.js';

/** @throws UsageError when there is no such block; CancelledError when `signal` aborts. */
export async function blockDetail(
  recording: Recording,
  moment: Moment,
  block: number,
  signal: AbortSignal,
): Promise<BlockDetail> {
  const { blocks } = moment;
  if (!blocks || !Number.isInteger(block) || block < 0 || block >= blocks.count)
    throw new UsageError(`There is no block ${block}.`, {
      hint: blocks ? `Blocks are 0 to ${blocks.count - 1}.` : 'The disk is not known yet.',
    });
  const { granularity, size } = blocks.geometry;
  const word = blocks.word(block);
  const known = blocks.files.fileAt(block);
  const fileOffset = blocks.files.offsetAt(block);
  const { reasons } = blocks;
  const { path, inode, fileSystem } = known ?? {};
  const { events, more } = await historyOf(recording, block, moment.seq, word, signal);
  const offset = block * granularity;
  return {
    block,
    offset,
    length: Math.min(granularity, size - offset),
    word,
    ...(path !== undefined && inode !== undefined && fileSystem !== undefined
      ? { file: { path, inode, fileSystem, ...(fileOffset === undefined ? {} : { fileOffset }) } }
      : {}),
    why: whyBlock(word, reasons, events, path),
    history: events,
    more,
  };
}

/** Why it is put off, or why it has to be sent again; pure. */
export function whyBlock(
  word: number,
  reasons: readonly string[],
  history: readonly BlockEvent[],
  path: string | undefined,
): readonly Text[] {
  const texts: Text[] = [];
  const say = (template: string, ...args: (string | number)[]) => texts.push({ template, args });
  const reason = reasons[reasonOf(word) ?? -1];
  if (reason !== undefined) texts.push(explainDeferral(reason));
  if ((word & DIFFERS) !== 0)
    say('Source and destination were found to differ there when they were compared.');
  const pending = (word & PENDING) !== 0;
  const sentAt = history.findLastIndex(({ what }) => what === 'sent');
  const sent = history[sentAt];
  if (pending && sentCountOf(word) > 0) sayPending(say, history, sent);
  if (!pending && sentCountOf(word) > 1) saySentAgain(say, history, sent);
  if (texts.length > 0 && path !== undefined) say('It belongs to the guest file {0}.', path);
  return texts;
}

/** The reasons that policies of Migrascope have are explained; another one is told as it is. */
export function explainDeferral(reason: string): Text {
  const known = explainReason(reason) as string | undefined;
  return known === undefined
    ? { template: 'It is put off: {0}.', args: [reason] }
    : { template: known, args: [] };
}

type Say = (template: string, ...args: (string | number)[]) => void;

/** It was sent, and has to be sent again. */
function sayPending(say: Say, history: readonly BlockEvent[], sent: BlockEvent | undefined): void {
  const planned = plannedFor(history, sent);
  const write = history.find(({ what, seq }) => what === 'dirty' && seq > (planned?.seq ?? -1));
  if (!sent || !write) {
    say('It has to be sent again: the guest wrote it after it was sent.');
    return;
  }
  if (write.seq < sent.seq) {
    say(
      'It has to be sent again: the guest wrote it (seen at {0} s) while it was being sent in round {1}.',
      seconds(write.t),
      sent.round,
    );
    return;
  }
  say(
    'It has to be sent again: it was sent in round {0} at {1} s, and the guest wrote it after that (seen at {2} s).',
    sent.round,
    seconds(sent.t),
    seconds(write.t),
  );
}

/** It was sent several times, and the destination has its newest form. */
function saySentAgain(
  say: Say,
  history: readonly BlockEvent[],
  sent: BlockEvent | undefined,
): void {
  const write = history.findLast(({ what, seq }) => what === 'dirty' && seq < (sent?.seq ?? 0));
  if (!sent || !write) return;
  say(
    'It was sent again in round {0}, because the guest wrote it after it had been sent (seen at {1} s).',
    sent.round,
    seconds(write.t),
  );
}

/** The plan by which it was sent last. */
function plannedFor(
  history: readonly BlockEvent[],
  sent: BlockEvent | undefined,
): BlockEvent | undefined {
  return history.findLast(({ what, seq }) => what === 'planned' && seq < (sent?.seq ?? -1));
}

function seconds(t: number): string {
  return (t / 1000).toFixed(1);
}
