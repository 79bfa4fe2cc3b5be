/** Pictures of a chapter that cannot be read, each with its reason and what to do. */
import type { JSX } from "preact";
import type { PictureSet } from "../data/store.js";
import { failureTextAfter } from "../lib/sentence.js";
import { t } from "../texts/texts.js";

export function Unreadable({ set }: { readonly set: PictureSet }): JSX.Element | null {
  const { gallery } = t.value;
  const unreadable = set.all().filter((picture) => picture.role === "unreadable");
  if (unreadable.length === 0) return null;
  return (
    <section class="gallery">
      <h2>
        {gallery.unreadable} <span class="count">{unreadable.length}</span>
      </h2>
      <p class="hint-text">{gallery.unreadableText}</p>
      <ul class="plain-list">
        {unreadable.map(({ id, name, failure }) => (
          <li key={id}>
            {name}
            {failure && (
              <span class="hint-text" lang="en">
                {failureTextAfter(name, failure)}
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
