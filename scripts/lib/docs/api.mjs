// docs/api.md: every public name with its docstring and declaration, from the compiled declarations in dist/.
// TypeScript 7 has no stable API for programs yet; @ts-morph/common carries one of TypeScript 6.
import { join, relative } from "node:path";
import { getLibFiles, ts } from "@ts-morph/common";
import { ROOT } from "../steps.mjs";

/** Groups of the page, each with the files below dist/ whose names it has; the first that fits. */
const GROUPS = [
  ["Batches", /^core\//],
  ["Engine", /^colorization\/|^binding\/|^workers\//],
  ["Settings", /^config\//],
  ["Pictures", /^io\/|^classification\//],
  ["Models", /^model\/|^convert\//],
  ["Errors", /^errors/],
  ["Logging", /^logging/],
  ["Memory and metrics", /^memory\/|^observe\/|^platform\//],
];

const OPTIONS = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
};

/** A host whose standard library is the one that the package carries as text. */
function hostWithLibraries() {
  const host = ts.createCompilerHost(OPTIONS);
  const libraries = new Map(getLibFiles().map(({ fileName, text }) => [`/lib/${fileName}`, text]));
  const { fileExists, readFile, getSourceFile } = host;
  host.getDefaultLibLocation = () => "/lib";
  host.fileExists = (path) => libraries.has(path) || fileExists.call(host, path);
  host.readFile = (path) => libraries.get(path) ?? readFile.call(host, path);
  host.getSourceFile = (path, target, ...rest) =>
    libraries.has(path)
      ? ts.createSourceFile(path, libraries.get(path), target)
      : getSourceFile.call(host, path, target, ...rest);
  return host;
}

let page;

/** The page. @returns {{ text: string, undocumented: string[] }} undocumented: names and members without a docstring */
export const apiPage = () => (page ??= makePage());

function makePage() {
  const entry = join(ROOT, "dist/index.d.ts");
  const program = ts.createProgram([entry], OPTIONS, hostWithLibraries());
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(entry));
  const undocumented = [];
  const inferred = inferredTypes(checker.getExportsOfModule(module), checker);
  const groups = new Map(GROUPS.map(([title]) => [title, []]));
  for (const exported of checker.getExportsOfModule(module)) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const file = relative(join(ROOT, "dist"), symbol.declarations[0].getSourceFile().fileName);
    const group = GROUPS.find(([, pattern]) => pattern.test(file))?.[0];
    if (group === undefined) throw new Error(`${file} has no group in scripts/lib/docs/api.mjs`);
    const name = exported.getName();
    undocumented.push(...withoutDocstring(name, symbol, checker));
    groups.get(group).push({ name, kind: kindOf(symbol), text: entryOf(name, symbol, checker, inferred) });
  }
  const sections = [...groups].filter(([, entries]) => entries.length > 0);
  for (const [, entries] of sections) entries.sort((a, b) => order(a) - order(b) || (a.name < b.name ? -1 : 1));
  const index = sections.map(
    ([title, entries]) => `- **${title}**: ${entries.map(({ name }) => `[\`${name}\`](#${anchor(name)})`).join(", ")}`,
  );
  const body = sections.map(([title, entries]) => `## ${title}\n\n${entries.map(({ text }) => text).join("\n\n")}`);
  return { text: `${HEAD}\n\n${index.join("\n")}\n\n${body.join("\n\n")}\n`, undocumented };
}

const HEAD = `# API reference

<!-- made by npm run docs from the docstrings; do not edit -->

All names that \`import … from "cobra-batch"\` has, with their docstrings. [embedding.md](embedding.md) is the guide,
[errors.md](errors.md) the list of error codes, [cli-json.md](cli-json.md) the list of events.`;

const KINDS = ["class", "function", "constant", "interface", "type"];
const order = ({ kind }) => KINDS.indexOf(kind);
const anchor = (name) => name.toLowerCase();

function kindOf({ flags }) {
  if (flags & ts.SymbolFlags.Class) return "class";
  if (flags & ts.SymbolFlags.Function) return "function";
  if (flags & ts.SymbolFlags.Variable) return "constant";
  return flags & ts.SymbolFlags.Interface ? "interface" : "type";
}

/** A name: heading, docstring with its tags, declaration. */
function entryOf(name, symbol, checker, inferred) {
  const prose = textOf(symbol, checker);
  const tags = symbol.getJsDocTags(checker).flatMap((tag) => tagLine(tag));
  const code = symbol.declarations.map((declaration) => codeOf(declaration, inferred)).join("\n");
  return [
    `### ${name}`,
    ...(prose === "" ? [] : [prose]),
    ...(tags.length === 0 ? [] : [tags.join("\n")]),
    `\`\`\`ts\n${code}\n\`\`\``,
  ].join("\n\n");
}

/** A docstring without its line breaks, which belong to the source; paragraphs and lists stay. */
function textOf(symbol, checker) {
  return flow(ts.displayPartsToString(symbol.getDocumentationComment(checker)));
}

function flow(text) {
  return text.trim().replace(/([^\n])\n(?=[^\n\s-])/g, "$1 ");
}

function tagLine({ name, text }) {
  const body = flow(ts.displayPartsToString(text));
  if (name === "param") return [`- ${body.replace(/^(\S+)\s+/, "`$1`: ")}`];
  if (name === "returns") return [`- Returns ${body}`];
  if (name === "throws") return [`- Throws ${body}`];
  return [];
}

/** A declaration as TypeScript prints it, its members with their docstrings; what a schema infers is written out. */
function codeOf(declaration, inferred) {
  const statement = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const text = statement
    .getText()
    .replace(/^export (declare )?/, "")
    .replace(/^declare /, "")
    .replace(/^ {4}#private;\n/m, "")
    .replace(/^( {4})private constructor\(.*\);\n/m, "")
    .replaceAll(/^(?: {4})+/gm, (indent) => " ".repeat(indent.length / 2))
    .replaceAll(/import\("[^"]+"\)\./g, "");
  return (ts.isTypeAliasDeclaration(declaration) && inferred.get(declaration.name.text)) || text;
}

/** What public types are that a schema infers, written out, with the names of the others in them. */
function inferredTypes(exports, checker) {
  const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.InTypeAlias;
  const named = exports.flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const declaration = symbol.declarations.find(ts.isTypeAliasDeclaration);
    if (declaration === undefined || declaration.typeParameters !== undefined) return [];
    const text = checker.typeToString(checker.getTypeAtLocation(declaration), declaration, flags);
    return [{ name: symbol.getName(), text, isInferred: /\bz\.(infer|input|output)\b/.test(declaration.getText()) }];
  });
  // The longest first: what is part of another is replaced after it.
  const known = named.filter(({ text }) => text.length > 40).sort((a, b) => b.text.length - a.text.length);
  return new Map(
    named
      .filter(({ isInferred }) => isInferred)
      .map(({ name, text }) => {
        const others = known.filter((one) => one.name !== name && one.text !== text);
        const short = others.reduce((whole, one) => whole.replaceAll(one.text, one.name), text);
        return [name, printed(`type ${name} = ${short};`)];
      }),
  );
}

/** A declaration in several lines. */
function printed(code) {
  const lines = code.replaceAll(/([{;]) (?=\S)/g, (_all, mark) => `${mark}\n`).split("\n");
  let depth = 0;
  return lines
    .map((line) => {
      if (line.startsWith("}")) depth--;
      const indented = "  ".repeat(Math.max(0, depth)) + line;
      depth += (line.match(/{/g) ?? []).length - (line.slice(1).match(/}/g) ?? []).length;
      return indented;
    })
    .join("\n");
}

/** The name itself, and public methods of a class or fields of an interface, that lack a docstring. */
function withoutDocstring(name, symbol, checker) {
  const missing = textOf(symbol, checker) === "" ? [name] : [];
  if (symbol.flags & ts.SymbolFlags.Class)
    for (const [key, member] of symbol.members) {
      const isMethod = member.flags & (ts.SymbolFlags.Method | ts.SymbolFlags.GetAccessor);
      const isPrivate = member.declarations?.some(
        (one) => ts.getCombinedModifierFlags(one) & ts.ModifierFlags.Private,
      );
      if (isMethod && !isPrivate && !String(key).startsWith("__@") && textOf(member, checker) === "")
        missing.push(`${name}.${String(key)}`);
    }
  return missing;
}
