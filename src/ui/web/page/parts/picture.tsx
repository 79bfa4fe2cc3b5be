/** A small picture that comes when it is near the window; an empty frame until then, a sign where it does not come. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { t } from "../texts/texts.js";
import { Icon } from "./icon.js";

interface ThumbnailProps {
  readonly src: string;
  /** Empty where the text beside it says what it is. */
  readonly alt?: string;
  readonly eager?: boolean;
}

export function Thumbnail({ src, alt = "", eager = false }: ThumbnailProps): JSX.Element {
  const missing = useSignal(false);
  return (
    <span class={missing.value ? "thumbnail missing" : "thumbnail"}>
      {missing.value && (
        <span class="missing-sign">
          <Icon name="image" />
          <span class="sr-only">{t.value.noPicture}</span>
        </span>
      )}
      <img
        src={src}
        alt={alt}
        loading={eager ? "eager" : "lazy"}
        decoding="async"
        draggable={false}
        onLoad={() => (missing.value = false)}
        onError={() => (missing.value = true)}
      />
    </span>
  );
}
