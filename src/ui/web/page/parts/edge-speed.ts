/** Computes the scroll speed while something is dragged near the window's upper or lower edge. */

/** How near, and how fast at the very edge. */
const EDGE_PX = 96;
const MOST_PX_PER_MS = 1.2;

/**
 * Pixels per millisecond: down above 0, up below 0.
 * @param y of the pointer in the window
 * @param height of the window
 */
export function edgeSpeed(y: number, height: number): number {
  const edge = Math.min(EDGE_PX, height / 4);
  const depth = y < edge ? y - edge : Math.max(0, y - (height - edge));
  return Math.max(-1, Math.min(1, depth / edge)) * MOST_PX_PER_MS;
}
