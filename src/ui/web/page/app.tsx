/** The frame of the page: what stands above every view, and the view that the address names. */
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";
import { Chapters } from "./chapters/chapters.js";
import { connection } from "./data/events.js";
import { farm, hasFarm } from "./data/farm.js";
import { jobsTrouble, readAll, server } from "./data/store.js";
import { FarmPage } from "./farm/farm-page.js";
import { JobPage } from "./job/job-page.js";
import icon from "./icon.svg";
import { href, route, type Route } from "./lib/route.js";
import { theme, THEMES } from "./lib/theme.js";
import { OnePage } from "./one-page/one-page.js";
import { Announcer } from "./parts/announce.js";
import { TroubleBox } from "./parts/trouble.js";
import { language, LANGUAGE_NAMES, t, type Language } from "./texts/texts.js";
import { Viewer } from "./viewer/viewer.js";

function View({ route }: { readonly route: Route }): JSX.Element {
  if (route.view === "job") return <JobPage key={route.job} id={route.job} />;
  if (route.view === "picture") return <Viewer key={route.job} job={route.job} picture={route.picture} />;
  if (route.view === "one-page") return <OnePage key={route.job} id={route.job} />;
  if (route.view === "farm") return <FarmPage />;
  return <Chapters />;
}

function Header({ view }: { readonly view: Route["view"] }): JSX.Element {
  const links = [
    ["chapters", t.value.nav.chapters, href({ view: "chapters" })],
    ["one-page", t.value.nav.onePage, href({ view: "one-page" })],
    ...(hasFarm.value ? ([["farm", t.value.nav.farm, href({ view: "farm" })]] as const) : []),
  ] as const;
  const current = view === "one-page" || view === "farm" ? view : "chapters";
  return (
    <header class="page-header">
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), focusMain())}>
        {t.value.nav.skip}
      </a>
      <a class="brand" href={href({ view: "chapters" })}>
        <img src={icon} alt="" width={24} height={24} />
        <span>cobra-batch</span>
      </a>
      <nav aria-label={t.value.nav.label}>
        {links.map(([name, label, to]) => (
          <a key={name} href={to} aria-current={name === current ? "page" : undefined}>
            {label}
          </a>
        ))}
      </nav>
      <div class="page-header-end">
        <select
          aria-label={t.value.nav.theme}
          value={theme.value}
          onChange={(event) => (theme.value = event.currentTarget.value as (typeof THEMES)[number])}
        >
          {THEMES.map((name) => (
            <option key={name} value={name}>
              {t.value.nav.themes[name]}
            </option>
          ))}
        </select>
        <select
          aria-label={t.value.nav.language}
          value={language.value}
          onChange={(event) => (language.value = event.currentTarget.value as Language)}
        >
          {Object.entries(LANGUAGE_NAMES).map(([code, name]) => (
            <option key={code} value={code} lang={code}>
              {name}
            </option>
          ))}
        </select>
      </div>
    </header>
  );
}

function focusMain(): void {
  const heading = document.querySelector<HTMLElement>("main h1") ?? document.querySelector<HTMLElement>("main");
  heading?.focus();
}

export function App(): JSX.Element {
  const { value: here } = route;
  const place = "job" in here && here.job !== undefined ? `${here.view}/${here.job}` : here.view;
  useEffect(() => {
    scrollTo(0, 0);
    if (document.activeElement === document.body || !document.activeElement?.closest("main")) focusMain();
  }, [place]);
  const standIn = server.value?.model.standIn ?? false;
  return (
    <>
      {here.view !== "picture" && <Header view={here.view} />}
      {connection.value === "lost" && (
        <p class="connection" role="status">
          {t.value.connection.lost}
        </p>
      )}
      {connection.value !== "lost" && farm.value?.connected === false && (
        <p class="connection" role="status">
          {t.value.connection.farmLost}
        </p>
      )}
      <main id="main" tabIndex={-1} class={`view-${here.view}`}>
        <TroubleBox trouble={jobsTrouble.value} onRetry={() => void readAll()} />
        <View route={here} />
      </main>
      {here.view !== "picture" && (
        <footer class="page-footer">
          {server.value && (
            <p>
              cobra-batch {server.value.version}, {t.value.model(server.value.model.name, server.value.model.version)}
              {standIn && <>. {t.value.standIn}</>}
            </p>
          )}
        </footer>
      )}
      <Announcer />
    </>
  );
}
