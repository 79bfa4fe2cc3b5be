/**
 * Wraps an engine so that references stay loaded from one chapter to the next. Otherwise their keys and values would be
 * freed with the last page of a chapter, and computed again for a next one with the same references.
 */
import type { BatchEngine } from "./batch-engine.js";

/** An engine that keeps references, and what ends that. */
export type ReferenceKeeper<E extends BatchEngine> = { readonly engine: BatchEngine & Pick<E, "model"> } & Disposable;

/** An engine that keeps what the last batch held until the next one holds its own. Dispose it before the engine. */
export function keepReferences<E extends BatchEngine>(inner: E): ReferenceKeeper<E> {
  /** Given back by a batch, and kept. */
  const last: Disposable[] = [];
  const letGo = (): void => {
    for (const hold of last.splice(0)) hold[Symbol.dispose]();
  };
  const hold: BatchEngine["referenceStore"]["hold"] = (files, options) => {
    const held = inner.referenceStore.hold(files, options);
    letGo();
    return { [Symbol.dispose]: () => void last.push(held) };
  };
  return {
    engine: {
      model: inner.model,
      styles: inner.styles,
      pool: inner.pool,
      memory: inner.memory,
      sessionOptions: inner.sessionOptions,
      ...(inner.laneOptions === undefined ? {} : { laneOptions: inner.laneOptions }),
      referenceStore: { hold },
      provider: (style) => inner.provider(style),
      colorizePage: (request, options) => inner.colorizePage(request, options),
    },
    [Symbol.dispose]: letGo,
  };
}
