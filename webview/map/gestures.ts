/** What pointers, the wheel and keys do on a map. */
import type { Seen } from './painter.js';
import { pan, zoom } from './camera.js';

export interface GestureTarget {
  readonly canvas: HTMLElement;
  seen(): Seen;
  look(seen: Seen): void;
  map(): { readonly width: number; readonly height: number };
  widest(): number;
  hover(at: { readonly x: number; readonly y: number } | undefined): void;
  click(at: { readonly x: number; readonly y: number }): void;
  key(key: string, shift: boolean): boolean;
}

const CLICK_PIXELS = 4;

/** Connects a canvas; points are shares of its room, 0 to 1. */
export function connectGestures(target: GestureTarget): void {
  const { canvas } = target;
  const pointers = new Map<number, PointerEvent>();
  let moved = 0;
  const shareOf = (event: MouseEvent): { x: number; y: number } => {
    const room = canvas.getBoundingClientRect();
    return {
      x: (event.clientX - room.left) / room.width,
      y: (event.clientY - room.top) / room.height,
    };
  };
  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002));
      target.look(zoom(target.seen(), factor, shareOf(event), { widest: target.widest() }));
    },
    { passive: false },
  );
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
    if (pointers.size === 1) moved = 0;
  });
  canvas.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) {
      target.hover(shareOf(event));
      return;
    }
    moved += Math.abs(event.clientX - before.clientX) + Math.abs(event.clientY - before.clientY);
    if (pointers.size === 2) pinch(target, pointers, event, shareOf);
    else if (moved > CLICK_PIXELS) drag(target, before, event);
    pointers.set(event.pointerId, event);
  });
  const end = (event: PointerEvent): void => {
    const last = pointers.delete(event.pointerId) && pointers.size === 0;
    if (last && event.type === 'pointerup' && moved <= CLICK_PIXELS) target.click(shareOf(event));
  };
  canvas.addEventListener('pointerup', end);
  canvas.addEventListener('pointercancel', end);
  canvas.addEventListener('pointerleave', () => target.hover(undefined));
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.key(event.key, event.shiftKey)) event.preventDefault();
  });
}

function drag(target: GestureTarget, before: PointerEvent, now: PointerEvent): void {
  const seen = target.seen();
  const scale = seen.width / target.canvas.clientWidth;
  const by = {
    x: (before.clientX - now.clientX) * scale,
    y: (before.clientY - now.clientY) * scale,
  };
  target.look(pan(seen, by, target.map()));
}

function pinch(
  target: GestureTarget,
  pointers: ReadonlyMap<number, PointerEvent>,
  now: PointerEvent,
  shareOf: (event: MouseEvent) => { x: number; y: number },
): void {
  const other = [...pointers].find(([id]) => id !== now.pointerId)?.[1];
  const before = pointers.get(now.pointerId);
  if (!other || !before) return;
  const apart = (event: PointerEvent): number =>
    Math.hypot(event.clientX - other.clientX, event.clientY - other.clientY);
  const factor = apart(now) / Math.max(1, apart(before));
  target.look(zoom(target.seen(), factor, shareOf(other), { widest: target.widest() }));
}
