/** Which types the public signatures name that are not public themselves, found in the declaration files of dist/. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

interface Module {
  /** Text of each top-level declaration, without comments and private members. */
  readonly declared: ReadonlyMap<string, string>;
  /** Where imported names come from: file and the name there. */
  readonly imported: ReadonlyMap<string, readonly [file: string, name: string]>;
}

const modules = new Map<string, Module>();

function load(file: string): Module {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(file, "utf8").replace(/\/\*[^]*?\*\/|\/\/.*$/gm, "");
  const imported = new Map<string, readonly [string, string]>();
  for (const [, names, path] of text.matchAll(/^(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s+from\s+"(\.[^"]+)"/gm))
    for (const spelled of names!.split(",")) {
      const [name, alias = name] = spelled
        .trim()
        .replace(/^type\s+/, "")
        .split(/\s+as\s+/);
      if (name) imported.set(alias!, [join(dirname(file), path!.replace(/\.js$/, ".d.ts")), name]);
    }
  const declared = new Map<string, string>();
  const start = /^(?:export\s+)?(?:declare\s+)?(?:abstract\s+)?(?:class|interface|type|function|const|enum)\s+(\w+)/gm;
  const found = [...text.matchAll(start)];
  found.forEach((match, index) => {
    const body = text.slice(match.index, found[index + 1]?.index ?? text.length);
    const open = body.replace(/^\s*(?:private\s|#)[^\n]*$/gm, "").replace(/^\s*private constructor[^]*?;$/m, "");
    declared.set(match[1]!, `${declared.get(match[1]!) ?? ""}${open}`);
  });
  const module = { declared, imported };
  modules.set(file, module);
  return module;
}

/** The file that declares a name, and its name there. */
function resolve(file: string, name: string): readonly [string, string] | undefined {
  const module = load(file);
  if (module.declared.has(name)) return [file, name];
  const from = module.imported.get(name);
  return from === undefined ? undefined : resolve(...from);
}

/** Types that say what a public one is made of, and that a program has no use for by name. */
const OPAQUE = new Set(["ErrorFacts", "Label", "OmitFromEach", "TaskPoolOptions", "Tasks", "WorkerPool"]);

/** @returns one line for each type that is named and not exported */
export function unexportedTypes(index: string): string[] {
  const text = readFileSync(index, "utf8");
  const stars = [...text.matchAll(/^export \* from "(\.[^"]+)"/gm)].map(([, path]) =>
    join(dirname(index), path!.replace(/\.js$/, ".d.ts")),
  );
  const names = (file: string): (readonly [string, string])[] => {
    const inner = [...readFileSync(file, "utf8").matchAll(/^export \* from "(\.[^"]+)"/gm)];
    return [
      ...[...load(file).declared.keys(), ...load(file).imported.keys()].flatMap((name) => {
        const place = resolve(file, name);
        return place === undefined ? [] : [place];
      }),
      ...inner.flatMap(([, path]) => names(join(dirname(file), path!.replace(/\.js$/, ".d.ts")))),
    ];
  };
  const starred = stars.flatMap(names);
  const places = [...load(index).imported.keys()]
    .map((name) => resolve(index, name))
    .filter((one) => one !== undefined);
  const isPublic = new Set([...places, ...starred].map(([file, name]) => `${file}#${name}`));
  const faults = new Set<string>();
  for (const [file, name] of [...places, ...starred]) {
    const words = load(file)
      .declared.get(name)!
      .matchAll(/(?<![\w."'])[A-Z]\w+(?!\w*["'])/g);
    for (const [word] of words) {
      const place = word === name || word === word.toUpperCase() ? undefined : resolve(file, word);
      if (place !== undefined && !OPAQUE.has(place[1]) && !isPublic.has(`${place[0]}#${place[1]}`))
        faults.add(`${place[1]} (named by ${name})`);
    }
  }
  return places.length === 0 ? ["nothing is exported"] : [...faults].sort();
}
