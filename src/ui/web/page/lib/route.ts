/** Routes between views. Addresses are behind the #, so that every server that serves one file can serve the page. */
import { computed, signal } from "@preact/signals";

/** A view of the page. */
export type Route =
  | { readonly view: "chapters" }
  | { readonly view: "job"; readonly job: string }
  | { readonly view: "picture"; readonly job: string; readonly picture: string }
  | { readonly view: "one-page"; readonly job?: string }
  | { readonly view: "farm" };

/** The address of a view. */
export function href(route: Route): string {
  if (route.view === "job") return `#/jobs/${route.job}`;
  if (route.view === "picture") return `#/jobs/${route.job}/pages/${route.picture}`;
  if (route.view === "one-page") return route.job === undefined ? "#/one-page" : `#/one-page/${route.job}`;
  return route.view === "farm" ? "#/farm" : "#/";
}

/** The view that an address names; an unknown address is the list of chapters. */
function parseRoute(hash: string): Route {
  const [first, job, pages, picture] = hash.replace(/^#\/?/, "").split("/");
  if (first === "one-page") return job ? { view: "one-page", job } : { view: "one-page" };
  if (first === "farm") return { view: "farm" };
  if (first === "jobs" && job && pages === "pages" && picture) return { view: "picture", job, picture };
  if (first === "jobs" && job) return { view: "job", job };
  return { view: "chapters" };
}

const hash = signal(location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));

/** The view that is shown. */
export const route = computed(() => parseRoute(hash.value));

/** Shows a view. With `replace` the back button does not lead to the one before it. */
export function go(to: Route, { replace = false } = {}): void {
  if (replace) history.replaceState(null, "", href(to));
  else history.pushState(null, "", href(to));
  hash.value = location.hash;
}
