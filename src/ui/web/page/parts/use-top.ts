/** Tells an element's style how far below the document's top it begins, so that its content can end with the window. */
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** @returns for the element, whose custom property `--top` is kept at its distance in CSS pixels */
export function useTop<Element extends HTMLElement>(): RefObject<Element | null> {
  const ref = useRef<Element>(null);
  useEffect(() => {
    let last: number | undefined;
    const measure = (): void => {
      if (ref.current === null) return;
      const top = Math.round(ref.current.getBoundingClientRect().top + scrollY);
      if (top !== last) ref.current.style.setProperty("--top", `${top}px`);
      last = top;
    };
    // What stands above it changes the height of the whole document.
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    measure();
    return () => observer.disconnect();
  }, []);
  return ref;
}
