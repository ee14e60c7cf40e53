/** Cutting something into parts of equal size, of which there are not too many. */

/** How something is cut; the last part may be smaller. */
export interface Division {
  readonly perPart: number;
  /** How many parts there are. */
  readonly parts: number;
}

/**
 * Cuts `total` things into the smallest parts of which there are no more than `most`.
 * @param factor the size of a part is a power of it.
 */
export function divide(total: number, most: number, factor: number): Division {
  let perPart = 1;
  while (total / perPart > most) perPart *= factor;
  return { perPart, parts: Math.ceil(total / perPart) };
}
