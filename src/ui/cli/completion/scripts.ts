/** Completion scripts for bash, zsh and fish. Pure functions over the words. */
import type { Shell } from "../commands/completion-command.js";
import type { CommandWords, FlagWord, Value } from "./words.js";

/** The script for a shell. */
export function completionScript(shell: Shell, commands: readonly CommandWords[]): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands);
}

/** In single quotes for a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The path of the command that the words before the cursor lead to, in `path`. The same lines serve bash and zsh. */
function pathCases(commands: readonly CommandWords[]): string {
  return commands
    .flatMap(({ path, commands: below }) =>
      below.map((name) => `      ${quoted(`${path}:${name}`)}) path=${quoted(`${path} ${name}`.trim())};;`),
    )
    .join("\n");
}

function flagsWithValue(flags: readonly FlagWord[], kind: Value["kind"]): string {
  return flags
    .filter(({ value }) => value.kind === kind)
    .flatMap(({ names }) => names)
    .join("|");
}

/** For bash 4 or newer; the `bash-completion` package is not needed. */
function bashScript(commands: readonly CommandWords[]): string {
  const cases = commands.map((command) => {
    const { path, flags, commands: below, argument } = command;
    const afterFlag = flags.flatMap(({ names, value }) =>
      value.kind === "choice" ? [`      ${names.join("|")}) choices=(${value.choices.map(quoted).join(" ")});;`] : [],
    );
    const kinds = (["folder", "file", "text"] as const).flatMap((kind) => {
      const names = flagsWithValue(flags, kind);
      return names === "" ? [] : [`      ${names}) kind=${kind};;`];
    });
    const words = [...below, ...(argument.kind === "choice" ? argument.choices : [])];
    return [
      `    ${quoted(path)})`,
      `      flags=(${flags
        .flatMap(({ names }) => names)
        .map(quoted)
        .join(" ")})`,
      `      words=(${words.map(quoted).join(" ")})`,
      `      argument=${argument.kind}`,
      ...(afterFlag.length + kinds.length === 0
        ? []
        : [`      case "$previous" in`, ...afterFlag, ...kinds, "      esac"]),
      "      ;;",
    ].join("\n");
  });
  return `# Completion of cobra-batch for bash: source <(cobra-batch completion bash)
_cobra_batch() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path='' kind='' argument='' word choice
  local -a flags=() words=() choices=()
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path:$word" in
${pathCases(commands)}
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  if (( \${#choices[@]} == 0 )) && [[ -z $kind ]]; then
    if [[ $current == -* ]]; then choices=("\${flags[@]}"); else choices=("\${words[@]}"); kind=$argument; fi
  fi
  for choice in "\${choices[@]}"; do
    if [[ $choice == "$current"* ]]; then COMPREPLY+=("$(printf %q "$choice")"); fi
  done
  if [[ $kind == folder ]]; then compopt -o filenames 2>/dev/null; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current"); fi
  if [[ $kind == file ]]; then compopt -o filenames 2>/dev/null; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current"); fi
}
complete -F _cobra_batch cobra-batch
`;
}

const ZSH_ACTION: Record<Exclude<Value["kind"], "choice" | "none">, string> = {
  text: " ",
  file: "_files",
  folder: "_files -/",
};

function zshFlag({ names, description, value }: FlagWord): string[] {
  const text = description.replace(/[[\]:\\]/g, (char) => `\\${char}`);
  const action =
    value.kind === "none"
      ? ""
      : value.kind === "choice"
        ? `:value:(${value.choices.map((choice) => choice.replaceAll(" ", String.raw`\ `)).join(" ")})`
        : `:value:${ZSH_ACTION[value.kind]}`;
  return names.map((name) => quoted(`*${name}[${text}]${action}`));
}

function zshScript(commands: readonly CommandWords[]): string {
  const byPath = new Map(commands.map((command) => [command.path, command]));
  const cases = commands.map(({ path, flags, commands: below, argument }) => {
    const described = below.map((name) =>
      quoted(`${name}:${byPath.get(`${path} ${name}`.trim())!.description.replaceAll(":", String.raw`\:`)}`),
    );
    const rest =
      argument.kind === "choice"
        ? [quoted(`*:argument:(${argument.choices.join(" ")})`)]
        : argument.kind === "none" || argument.kind === "text"
          ? []
          : [quoted(`*:argument:${ZSH_ACTION[argument.kind]}`)];
    return `    ${quoted(path)})
      local -a below=(${described.join(" ")})
      if (( \${#below} )) && [[ $PREFIX != -* ]]; then _describe command below; return; fi
      _arguments ${[...flags.flatMap(zshFlag), ...rest].join(" ")}
      ;;`;
  });
  return `#compdef cobra-batch
# Completion of cobra-batch for zsh: cobra-batch completion zsh > "\${fpath[1]}/_cobra-batch"
_cobra_batch() {
  local path_='' word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$path_:$word" in
${pathCases(commands).replaceAll("path=", "path_=")}
    esac
  done
  case "$path_" in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _cobra_batch ]]; then _cobra_batch "$@"; else compdef _cobra_batch cobra-batch; fi
`;
}

function fishScript(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap(({ path, flags, commands: below, argument }) => {
    const when = `__cobra_batch_at ${quoted(path)}`;
    const names = below.map((name) => {
      const { description } = commands.find((command) => command.path === `${path} ${name}`.trim())!;
      return `complete -c cobra-batch -n ${quoted(when)} -f -a ${name} -d ${quoted(description)}`;
    });
    const options = flags.map(({ names: spelled, description, value }) => {
      const parts = spelled.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
      const takes =
        value.kind === "none"
          ? ""
          : value.kind === "choice"
            ? ` -x -a ${quoted(value.choices.map((choice) => (choice.includes(" ") ? `"${choice}"` : choice)).join(" "))}`
            : value.kind === "folder"
              ? " -x -a '(__fish_complete_directories)'"
              : value.kind === "file"
                ? " -r -F"
                : " -x";
      return `complete -c cobra-batch -n ${quoted(when)} ${parts.join(" ")}${takes} -d ${quoted(description)}`;
    });
    const rest =
      argument.kind === "choice"
        ? [`complete -c cobra-batch -n ${quoted(when)} -f -a ${quoted(argument.choices.join(" "))}`]
        : [];
    return [...names, ...options, ...rest];
  });
  return `# Completion of cobra-batch for fish: cobra-batch completion fish > ~/.config/fish/completions/cobra-batch.fish
function __cobra_batch_at
  set -l at ''
  for word in (commandline -opc)[2..]
    switch "$at:$word"
${commands.flatMap(({ path, commands: below }) => below.map((name) => `      case ${quoted(`${path}:${name}`)}\n        set at ${quoted(`${path} ${name}`.trim())}`)).join("\n")}
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join("\n")}
`;
}
