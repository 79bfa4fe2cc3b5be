/** One page alone: looked at closely, compared, painted on, done again. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { Picture } from "../../api/schemas.js";
import { jobOf, jobsLoaded, picturesOf, server } from "../data/store.js";
import { urls } from "../lib/api.js";
import { go, href } from "../lib/route.js";
import { Button, ButtonLink, Segments } from "../parts/button.js";
import { TroubleBox } from "../parts/trouble.js";
import { pageStatus } from "../job/page-status.js";
import { t } from "../texts/texts.js";
import { Camera } from "./camera.js";
import { SidePanel } from "./side-panel.js";
import { cameraKey, LOOKS, Stage, type Look } from "./picture-frame.js";
import { usePainter } from "./use-painter.js";

interface ViewerProps {
  readonly job: string;
  readonly picture: string;
}

export function Viewer({ job: jobId, picture: id }: ViewerProps): JSX.Element {
  const job = jobOf(jobId);
  const set = picturesOf(jobId);
  const picture = set.get(id)?.value;
  const camera = useMemo(() => new Camera(), []);
  const look = useSignal<Look>("compare");
  const painting = useSignal(false);
  const panel = useSignal(matchMedia("(min-width: 900px)").matches);
  const siblings = set.ids.value.filter((one) => set.get(one)?.peek().role === picture?.role);
  const at = siblings.indexOf(id);
  const { viewer: texts } = t.value;
  useEffect(() => camera.fit(), [id]);
  useEffect(() => {
    document.title = `${picture?.name ?? ""} – cobra-batch`;
    return () => (document.title = "cobra-batch");
  }, [picture?.name]);

  const result = picture?.result ? urls.result(jobId, picture) : undefined;
  const original = picture ? urls.original(jobId, picture) : "";
  const shownUrl = (): string => (look.peek() === "original" || !result ? original : result);
  const painter = usePainter(jobId, picture, camera, shownUrl, painting.value);
  const step = (by: number): void => {
    const next = siblings[at + by];
    if (next !== undefined) go({ view: "picture", job: jobId, picture: next }, { replace: true });
  };
  const close = (): void => {
    if (painting.value) painting.value = false;
    else go({ view: "job", job: jobId });
  };
  const onKey = (event: KeyboardEvent): boolean => {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key === "ArrowRight" || event.key === "ArrowDown" || event.key === "PageDown") step(1);
    else if (event.key === "ArrowLeft" || event.key === "ArrowUp" || event.key === "PageUp") step(-1);
    else if (event.key === "Escape") close();
    else if (event.key === "h" && picture?.role === "page") painting.value = true;
    else return false;
    return true;
  };
  // The stage has the keys from the start. They also work from the bar, except where a field there takes them itself.
  const isThere = job !== undefined && picture !== undefined;
  useEffect(() => {
    if (isThere) document.querySelector<HTMLElement>(".stage")?.focus({ preventScroll: true });
  }, [isThere]);
  const onBarKey = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLInputElement) return;
    if (cameraKey(camera, event) || onKey(event)) event.preventDefault();
  };

  if (!job || !picture) {
    const gone = jobsLoaded.value && (set.loaded.value || !job);
    return (
      <div class="viewer-empty">
        <h1 tabIndex={-1}>{gone ? texts.gone : t.value.job.reading}</h1>
        <TroubleBox trouble={set.trouble.value} onRetry={() => void set.load()} />
        <p>
          <a href={href(job ? { view: "job", job: jobId } : { view: "chapters" })}>{t.value.job.back}</a>
        </p>
      </div>
    );
  }
  const options = LOOKS.filter((one) => (one === "compare" || one === "result" ? result : true)).filter(
    (one) => one !== "lines" || picture.role === "page",
  );
  const noLines = server.value?.unavailable.some(({ what }) => what === "lines") ? texts.noLines : undefined;
  const isShown = options.includes(look.value) && !(look.value === "lines" && noLines !== undefined);
  const shownLook = isShown ? look.value : "original";
  const zoom = Math.round(camera.zoom.value * 100);
  return (
    <div class={`viewer ${panel.value ? "with-panel" : ""}`}>
      <header class="viewer-bar" onKeyDown={onBarKey}>
        <ButtonLink label={t.value.job.back} icon="back" bare href={href({ view: "job", job: jobId })} />
        <div class="viewer-title">
          <h1 tabIndex={-1} title={picture.name}>
            {picture.name}
          </h1>
          <p class="hint-text" aria-live="polite">
            {[texts.place(at + 1, siblings.length), stateOf(picture)].filter(Boolean).join(" · ")}
            {picture.width && picture.height && (
              <span class="viewer-size">
                {" "}
                · {picture.width} × {picture.height}
              </span>
            )}
          </p>
        </div>
        <div class="viewer-turn">
          <Button label={texts.previous} icon="back" bare disabled={at <= 0} onClick={() => step(-1)} />
          <Button label={texts.next} icon="forward" bare disabled={at >= siblings.length - 1} onClick={() => step(1)} />
        </div>
        <div class="viewer-tools">
          {options.length > 1 && !painting.value && (
            <Segments
              label={texts.look}
              value={shownLook}
              options={options.map((value) => ({
                value,
                label: texts.looks[value],
                disabled: value === "lines" ? noLines : undefined,
              }))}
              onChange={(value) => (look.value = value)}
            />
          )}
          {painting.value && result && (
            <Segments
              label={texts.look}
              value={shownLook === "compare" ? "result" : shownLook}
              options={(["result", "original"] as const).map((value) => ({ value, label: texts.looks[value] }))}
              onChange={(value) => (look.value = value)}
            />
          )}
          <span class="zoom" role="group" aria-label={texts.zoom}>
            <Button label={texts.smaller} icon="minus" bare shortcut="−" onClick={() => camera.zoomBy(0.8)} />
            <Button label={`${zoom} %`} shortcut="1" onClick={() => camera.zoomTo(1)} />
            <Button label={texts.larger} icon="add" bare shortcut="+" onClick={() => camera.zoomBy(1.25)} />
            <Button label={texts.fit} icon="fit" bare shortcut="0" onClick={() => camera.fit()} />
          </span>
          {picture.role === "page" && (
            <Button
              label={t.value.paint.title}
              icon="brush"
              shortcut="H"
              pressed={painting.value}
              onClick={() => {
                painting.value = !painting.value;
                if (painting.value) panel.value = true;
                if (look.value === "compare" && painting.value) look.value = "result";
                document.querySelector<HTMLElement>(".stage")?.focus();
              }}
            />
          )}
          <Button
            label={texts.panel}
            icon="settings"
            bare
            pressed={panel.value}
            onClick={() => (panel.value = !panel.value)}
          />
        </div>
      </header>
      <Stage
        label={texts.stage(picture.name)}
        width={picture.width ?? picture.result?.width ?? 1000}
        height={picture.height ?? picture.result?.height ?? 1400}
        camera={camera}
        look={painting.value && shownLook === "compare" ? "result" : shownLook}
        original={original}
        result={result}
        lines={urls.lines(jobId, id)}
        painter={painter}
        onKey={onKey}
      />
      {panel.value && (
        <aside class="viewer-panel" aria-label={texts.panel}>
          <SidePanel key={id} job={job} set={set} picture={picture} painter={painter} />
        </aside>
      )}
    </div>
  );
}

function stateOf(picture: Picture): string {
  return picture.role === "page" && picture.state !== "none" ? pageStatus(picture) : "";
}
