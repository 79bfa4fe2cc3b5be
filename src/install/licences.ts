/** Licences of models: which of them a user has accepted. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigurationError } from "../errors.js";
import { writeFileAtomic } from "../io/files/atomic-file.js";
import { userDataFolder } from "../platform/user-folders.js";
import type { CatalogueLicence } from "./catalogue/catalogue-schema.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** When each was accepted, by a key that changes with its name and address. */
type Accepted = Readonly<Record<string, string>>;

/** Shows licences to a person and asks. @returns whether all are accepted */
export type AskForLicences = (licences: readonly CatalogueLicence[]) => Promise<boolean>;

/**
 * Sees to it that all licences are accepted: asks for those that are not yet, and remembers the answer.
 * @param ask undefined: nobody can be asked
 * @returns when each was accepted, in the licences' order (ISO 8601)
 * @throws ConfigurationError `ERR_LICENCE`
 */
export async function acceptLicences(
  licences: readonly CatalogueLicence[],
  env: Environment,
  ask: AskForLicences | undefined,
): Promise<string[]> {
  const before = readAccepted(env);
  const open = licences.filter((licence) => before[keyOf(licence)] === undefined);
  if (open.length > 0 && (ask === undefined || !(await ask(open)))) throw notAccepted(open, ask !== undefined);
  const now = new Date().toISOString();
  const accepted = { ...before, ...Object.fromEntries(open.map((licence) => [keyOf(licence), now])) };
  if (open.length > 0)
    await writeFileAtomic(acceptedFile(env), Buffer.from(`${JSON.stringify(accepted, null, 2)}\n`), true).catch(
      () => {}, // asked again next time
    );
  return licences.map((licence) => accepted[keyOf(licence)]!);
}

function notAccepted(licences: readonly CatalogueLicence[], wasAsked: boolean): ConfigurationError {
  const list = licences.map(({ name, covers, url }) => `  ${name} (${covers}): ${url}`).join("\n");
  return new ConfigurationError(
    "ERR_LICENCE",
    `${wasAsked ? "the licences were not accepted, so nothing was downloaded" : "these licences must be accepted first, and this is not a terminal that can ask"}:\n${list}`,
    { remedy: `read them, then run the command ${wasAsked ? "again" : "with --accept-licences"}` },
  );
}

function acceptedFile(env: Environment): string {
  return join(userDataFolder(env), "accepted-licences.json");
}

function readAccepted(env: Environment): Accepted {
  try {
    const value: unknown = JSON.parse(readFileSync(acceptedFile(env), "utf8"));
    const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
    return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch {
    return {};
  }
}

function keyOf({ id, name, url }: CatalogueLicence): string {
  return `${id} ${name} ${url}`;
}
