/** Runs a migration in a memory lab, and checks what must hold for each, however it ends. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { BlockSet, blockCount, decodeRuns } from '../../../src/engine/blockset/index.js';
import type { MigrationEvent } from '../../../src/engine/events.js';
import { openGate, type Gate } from '../../../src/engine/gate.js';
import { migrate, type MigrationResult } from '../../../src/engine/migrate.js';
import {
  DEFAULTS,
  type Continuation,
  type MigrationOptions,
  type MigrationParts,
} from '../../../src/engine/options.js';
import { PREFIX, type MemoryLab } from './memory-lab.js';

const schema = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../protocol/events.schema.json'), 'utf8'),
) as object;
const validate = new Ajv2020({ strict: false, allErrors: false }).compile(schema);

export interface Watched extends MigrationResult {
  readonly events: readonly MigrationEvent[];
}

export interface Asked extends Partial<MigrationOptions> {
  readonly gate?: Gate;
  readonly decide?: MigrationParts['decide'];
  readonly journal?: MigrationParts['journal'];
  readonly lease?: MigrationParts['lease'];
  readonly onBegin?: MigrationParts['onBegin'];
  readonly signal?: AbortSignal;
  /** Is told of each event as it happens. */
  readonly onEvent?: (event: MigrationEvent) => void;
  /** Where another process was, and its events. */
  readonly earlier?: { readonly continuation: Continuation; readonly events: MigrationEvent[] };
}

/** What the migration is asked, where the test does not say otherwise. */
export function optionsIn(lab: MemoryLab, asked: Partial<MigrationOptions>): MigrationOptions {
  return {
    disk: 'disk0',
    destination: { type: 'file', path: '/new.img', format: 'raw', overwrite: false },
    ...DEFAULTS,
    granularity: lab.options.granularity,
    pivot: false,
    trim: false,
    ...asked,
  };
}

/** Migrates, and checks the events and what is left behind. */
export async function migrateInLab(lab: MemoryLab, asked: Asked = {}): Promise<Watched> {
  const { gate, decide, journal, lease, signal, onEvent, onBegin, earlier, ...options } = asked;
  const events: MigrationEvent[] = [...(earlier?.events ?? [])];
  const result = await migrate(optionsIn(lab, options), {
    ...lab.parts(),
    ...(earlier ? { continuation: earlier.continuation } : {}),
    gate: gate ?? openGate,
    ...(decide ? { decide } : {}),
    ...(journal ? { journal } : {}),
    ...(lease ? { lease } : {}),
    ...(onBegin ? { onBegin } : {}),
    signal: signal ?? new AbortController().signal,
    sink: (event) => {
      events.push(event);
      onEvent?.(event);
    },
  });
  checkEvents(events, result);
  checkLeftovers(lab);
  checkPending(lab, events);
  return { ...result, events };
}

/** The lines of the program in the order in which they were executed. */
export function linesOf({ events }: Watched): number[] {
  return eventsOf(events, 'statement').map(({ line }) => line);
}

export function eventsOf<T extends MigrationEvent['type']>(
  events: readonly MigrationEvent[],
  type: T,
): Extract<MigrationEvent, { type: T }>[] {
  return events.filter(
    (event): event is Extract<MigrationEvent, { type: T }> => event.type === type,
  );
}

/** Every event is as the schema says, numbered, and the summary is the last. */
function checkEvents(events: readonly MigrationEvent[], result: MigrationResult): void {
  for (const event of events) {
    const valid = validate(event);
    if (!valid) expect.fail(`${JSON.stringify(event)}: ${JSON.stringify(validate.errors)}`);
  }
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index));
  expect(events.map(({ t }) => t)).toEqual(events.map(({ t }) => t).sort((a, b) => a - b));
  expect(events.filter(({ type }) => type === 'summary')).toEqual([result.summary]);
  expect(events.at(-1)).toEqual(result.summary);
  const errors = eventsOf(events, 'error');
  expect(errors.map(({ kind }) => kind)).toEqual(result.error ? [result.error.kind] : []);
  if (result.error) expect(result.error.message).not.toContain('unexpectedly');
  expect(result.summary.heldMs).toBeLessThanOrEqual(result.summary.downtimeMs);
  checkFigures(events, result);
}

function checkFigures(events: readonly MigrationEvent[], { summary }: MigrationResult): void {
  const sent = eventsOf(events, 'sent');
  const sum = (pick: (event: (typeof sent)[number]) => number) =>
    sent.reduce((total, event) => total + pick(event), 0);
  expect(summary.sentBytes).toBe(sum(({ bytes }) => bytes));
  expect(summary.resentBytes).toBe(sum(({ resentBytes }) => resentBytes));
  expect(summary.zeroBytes).toBe(sum(({ zeroBytes }) => zeroBytes));
  expect(summary.distinctBytes).toBe(summary.sentBytes - summary.resentBytes);
}

/** Nothing is open, nothing is left, and the guest has what it had, whatever happened. */
function checkLeftovers(lab: MemoryLab): void {
  expect([...lab.names].filter((name) => name.startsWith(PREFIX))).toEqual([]);
  expect(lab.sourceOpen).toBe(false);
  expect(lab.probeOpen).toBe(false);
  expect(lab.hypervisorOpen).toBe(false);
  expect(lab.listeners).toBe(0);
  expect(lab.connections.filter(({ closed }) => !closed)).toEqual([]);
  expect(lab.connections.map(({ outstanding }) => outstanding)).toEqual(
    lab.connections.map(() => 0),
  );
}

/**
 * What is pending can be told from the trace alone, at each event that states it: what is sent is
 * gone, what was written since the newest plan is not.
 */
function checkPending(lab: MemoryLab, events: readonly MigrationEvent[]): void {
  const { granularity, size } = lab.options;
  const geometry = { granularity, size };
  const limits = { blocks: blockCount(geometry) };
  let pending = BlockSet.empty;
  let written = BlockSet.empty;
  for (const event of events) {
    switch (event.type) {
      case 'allocated':
        pending = decodeRuns(event.blocks, limits);
        break;
      case 'taken-over':
        pending = decodeRuns(event.pending, limits);
        written = BlockSet.empty;
        expect(event.pendingBytes).toBe(pending.bytes(geometry));
        break;
      case 'plan':
        pending = pending.union(written);
        written = BlockSet.empty;
        break;
      case 'dirty':
        written = written.union(decodeRuns(event.blocks, limits));
        break;
      case 'sent':
        pending = pending.difference(decodeRuns(event.blocks, limits));
        break;
      case 'batch':
      case 'round':
      case 'verdict':
        pending = pending.union(written);
        written = BlockSet.empty;
        expect(event.pendingBytes).toBe(pending.bytes(geometry));
    }
  }
}
