/** Entry of the page: looks, language, data, then the view. */
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/tiles.css";
import "./styles/chapters.css";
import "./styles/job.css";
import "./styles/settings.css";
import "./styles/results.css";
import "./styles/viewer.css";
import "./styles/one-page.css";
import "./styles/farm.css";
import { render } from "preact";
import { App } from "./app.js";
import { startEvents } from "./data/events.js";
import { followLanguage } from "./texts/texts.js";
import { followTheme } from "./lib/theme.js";

followTheme();
followLanguage();
startEvents();
render(<App />, document.getElementById("page")!);
