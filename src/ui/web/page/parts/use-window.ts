/** Finds the rows of a long list near the window, so that 2,000 pages draw a screenful. */
import { useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";

/** Rows and their place. */
export interface RowWindow {
  readonly firstRow: number;
  readonly endRow: number;
  /** Width of the list in CSS pixels; 0 before it is known. */
  readonly width: number;
}

const MARGIN_PX = 600;
const STEP_ROWS = 1;

/**
 * Follows the window's scrolling and the list's width.
 * @param rowHeight height of a row with its gap for a width, CSS pixels
 */
export function useRowWindow(
  list: { readonly current: HTMLElement | null },
  rowHeight: (width: number) => number,
  dependencies: readonly unknown[],
): ReadonlySignal<RowWindow> {
  const rows: Signal<RowWindow> = useSignal<RowWindow>({ firstRow: 0, endRow: 0, width: 0 });
  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    const measure = (): void => {
      const { top, width } = element.getBoundingClientRect();
      const height = rowHeight(width);
      const firstRow = Math.max(0, Math.floor((-top - MARGIN_PX) / height / STEP_ROWS) * STEP_ROWS);
      const endRow = Math.max(firstRow, Math.ceil((innerHeight + MARGIN_PX - top) / height));
      const now = rows.peek();
      if (now.firstRow !== firstRow || now.endRow !== endRow || now.width !== width)
        rows.value = { firstRow, endRow, width };
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(document.body);
    addEventListener("scroll", measure, { passive: true });
    addEventListener("resize", measure);
    return () => {
      observer.disconnect();
      removeEventListener("scroll", measure);
      removeEventListener("resize", measure);
    };
  }, dependencies);
  return rows;
}
