/** Reads a catalogue from a file or an address and finds a model in it. */
import { resolve } from "node:path";
import { messageOf, systemCode, ValidationError } from "../../errors.js";
import { inputError } from "../../io/files/file-errors.js";
import { nearestName } from "../../config/nearest-name.js";
import { EMBEDDED_NAME } from "../../model/model-name.js";
import { readNamedFile } from "../../platform/named-file.js";
import { packagePath } from "../../platform/package-files.js";
import { parseJson } from "../../text/parse-json.js";
import { withoutSecrets, type Connection } from "../fetch/connection.js";
import { readBody } from "../fetch/read-body.js";
import { isWebAddress } from "../fetch/web-address.js";
import { catalogueSchema, type Catalogue, type CatalogueModel } from "./catalogue-schema.js";

const MAX_BYTES = 2 ** 20;
const MAX_DEPTH = 12;

/** The catalogue that comes with the program. */
export function builtInCatalogue(): string {
  return packagePath("models/catalogue.json");
}

/** Whether a catalogue is read from an address and not from a file. */
export function isAddressed(place: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//iu.test(place);
}

/**
 * Reads a catalogue.
 * @param place path of a file, or an https: address (http: to localhost)
 * @param connect asked for an address alone
 * @throws ValidationError `ERR_CATALOGUE` that lists every fault; errors of the connection
 */
export async function readCatalogue(place: string, connect: () => Connection): Promise<Catalogue> {
  const isAddress = isAddressed(place);
  const shown = isAddress ? withoutSecrets(place) : place;
  if (isAddress && !isWebAddress(place))
    throw unusable(shown, "it must be the path of a file, an https: address, or an http: address of this machine");
  const text = isAddress
    ? (await readBody(connect(), new URL(place), MAX_BYTES)).toString("utf8")
    : await readText(resolve(place));
  let value: unknown;
  try {
    value = parseJson(text, { maxDepth: MAX_DEPTH, maxLength: MAX_BYTES });
  } catch (cause) {
    throw unusable(shown, messageOf(cause), cause);
  }
  const { data, error } = catalogueSchema.safeParse(value);
  if (data !== undefined) return data;
  const faults = error.issues.map((issue) => `  ${issue.path.join(".") || "(whole)"}: ${issue.message}`);
  throw unusable(
    shown,
    `${faults.length} ${faults.length === 1 ? "fault" : "faults"}:\n${faults.slice(0, 20).join("\n")}`,
  );
}

/** The model of that name. @throws ValidationError `ERR_CATALOGUE` that lists what there is */
export function modelOf({ models }: Catalogue, name: string, place: string): CatalogueModel {
  const found = models.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = models.map((one) => one.name);
  if (name === EMBEDDED_NAME)
    throw new ValidationError(
      "ERR_CATALOGUE",
      `the model ${EMBEDDED_NAME} comes with the program and needs no installation`,
      { remedy: `choose a model of ${place}: ${names.join(", ")}` },
    );
  const near = nearestName(name, names);
  throw new ValidationError("ERR_CATALOGUE", `the catalogue ${place} has no model ${JSON.stringify(name)}`, {
    remedy: `${near === undefined ? "it" : `did you mean ${near}? It`} has ${names.join(", ")}`,
  });
}

async function readText(path: string): Promise<string> {
  return readNamedFile(path, { maxBytes: MAX_BYTES }).then(String, (cause: unknown) => {
    const reason = systemCode(cause) === undefined ? messageOf(cause) : messageOf(inputError(path, cause));
    throw unusable(path, reason, cause);
  });
}

function unusable(place: string, reason: string, cause?: unknown): ValidationError {
  return new ValidationError("ERR_CATALOGUE", `the catalogue ${place} cannot be used: ${reason}`, {
    cause,
    remedy: "correct it, or name another one with --catalogue; docs/models.md describes catalogues",
  });
}
