// Every relative link of README, docs/ and the other pages leads to a file, and its anchor to a heading there.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { ROOT } from "./steps.mjs";

/** Anchors of a page's headings, as GitHub makes them, and of its `<a id>`. */
function anchorsOf(text) {
  const seen = new Map();
  const headings = [...text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6} +(.+?)\s*$/gm)].map(([, title]) => {
    const anchor = title
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
  return new Set([...headings, ...[...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, id]) => id)]);
}

/** Broken relative links of one page, as lines of text. `path`: of the page. */
export function brokenLinks(path, text = readFileSync(path, "utf8")) {
  const plain = text.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");
  return [...plain.matchAll(/\]\(<?([^()\s>]+)>?(?: "[^"]*")?\)/g)].flatMap(([, link]) => {
    if (/^[a-z][a-z+.-]*:/i.test(link)) return [];
    const [file, anchor] = link.split("#");
    const target = file === "" ? path : resolve(dirname(path), decodeURIComponent(file));
    if (!existsSync(target)) return [`${relative(ROOT, path)}: ${link} leads to no file`];
    if (anchor === undefined || statSync(target).isDirectory() || !target.endsWith(".md")) return [];
    const there = anchorsOf(target === path ? text : readFileSync(target, "utf8"));
    return there.has(decodeURIComponent(anchor)) ? [] : [`${relative(ROOT, path)}: ${link} leads to no heading`];
  });
}

/** Broken links of all pages that readers get. */
export function checkLinks() {
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true }).map((name) => join("docs", name));
  const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/README.md", "test/README.md", ...docs];
  return pages
    .filter((name) => name.endsWith(".md") && existsSync(join(ROOT, name)))
    .flatMap((name) => brokenLinks(join(ROOT, name)));
}
