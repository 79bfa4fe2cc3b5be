/** Painting on a page: what was saved is read first; what is painted is saved as dots or as a picture. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { PageOwnSettings, Picture } from "../../api/schemas.js";
import { api, urls } from "../lib/api.js";
import type { Camera } from "./camera.js";
import { HintDrawing } from "./hint-drawing.js";
import { Painter } from "./painter.js";

/** The painter of a page, made when painting begins; undefined before. */
export function usePainter(
  job: string,
  picture: Picture | undefined,
  camera: Camera,
  shown: () => string,
  on: boolean,
): Painter | undefined {
  const ready = useSignal<Painter | undefined>(undefined);
  const id = picture?.id;
  useMemo(() => {
    ready.value = undefined;
  }, [id]);
  useEffect(() => {
    if (!on || !picture?.width || !picture.height || ready.peek()) return;
    const drawing = new HintDrawing(picture.width, picture.height);
    const painter = new Painter(drawing, camera, shown);
    const { hints } = picture.settings ?? {};
    if (Array.isArray(hints)) drawing.load(hints);
    if (hints !== "strokes") {
      ready.value = painter;
      return;
    }
    void fetch(urls.hints(job, picture.id))
      .then(async (answer) => {
        if (answer.ok) drawing.load(undefined, await createImageBitmap(await answer.blob()));
      })
      .catch(() => undefined)
      .then(() => (ready.value = painter));
  }, [on, id, picture?.width]);
  return on ? ready.value : undefined;
}

/**
 * Saves what is painted.
 * @returns the page's `hints` setting; undefined where nothing is painted
 */
export async function saveHints(job: string, picture: string, drawing: HintDrawing): Promise<PageOwnSettings["hints"]> {
  const dots = drawing.dots();
  if (drawing.empty.peek()) await api.removeHints(job, picture);
  else if (!dots) await api.putHints(job, picture, await drawing.png());
  return drawing.empty.peek() ? undefined : (dots ?? "strokes");
}
