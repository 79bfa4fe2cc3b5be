/** The record beside an installed package: its origin and licences. */
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { INSTALL_RECORD } from "../model/installed-models.js";
import type { CatalogueLicence, CatalogueModel } from "./catalogue/catalogue-schema.js";
import type { OriginalFile } from "./originals/original-file.js";

const RECORD_FORMAT = 1;

/** What is recorded. */
export interface Installation {
  readonly model: CatalogueModel;
  readonly version: string;
  /** Where the catalogue was read. */
  readonly catalogue: string;
  readonly originals: readonly OriginalFile[];
  /** When each licence was accepted. */
  readonly acceptedAt: readonly string[];
}

/** Writes the record, and each licence as `LICENCE-ID.txt`. */
export async function writeInstallRecord(folder: string, installation: Installation): Promise<void> {
  const { model, version, catalogue, originals, acceptedAt } = installation;
  const revisionOf = (id: string): string | undefined =>
    originals.find(({ file, revision }) => file.source === id && revision !== undefined)?.revision;
  const record = {
    format: RECORD_FORMAT,
    name: model.name,
    version,
    installedAt: new Date().toISOString(),
    catalogue,
    sources: Object.fromEntries(
      Object.entries(model.sources).map(([id, source]) => [
        id,
        { ...source, ...("url" in source || revisionOf(id) === undefined ? {} : { revision: revisionOf(id) }) },
      ]),
    ),
    files: originals.map(({ file, bytes, sha256 }) => ({ source: file.source, path: file.path, bytes, sha256 })),
    licences: model.licences.map(({ id, name, url }, at) => ({ id, name, url, acceptedAt: acceptedAt[at] })),
  };
  await writeFile(join(folder, INSTALL_RECORD), `${JSON.stringify(record, null, 2)}\n`, { flush: true });
  for (const licence of model.licences) {
    const path = join(folder, `LICENCE-${licence.id}.txt`);
    const text = originals.find(({ file }) => file.source === licence.file?.source && file.path === licence.file.path);
    if (text === undefined) await writeFile(path, licenceText(licence), { flush: true });
    else {
      await copyFile(text.path, path);
      await writeFile(join(folder, `LICENCE-${licence.id}-covers.txt`), licenceText(licence), { flush: true });
    }
  }
}

function licenceText({ name, covers, url, summary }: CatalogueLicence): string {
  return `${name}\ncovers: ${covers}\ntext: ${url}\n${summary === undefined ? "" : `${summary}\n`}`;
}
