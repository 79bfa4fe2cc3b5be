/** New jobs: drafts, and copies of jobs that are to be done once more. */
import { copyFile, link, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder } from "../../../io/files/make-folder.js";
import { newId } from "./given.js";
import type { JobEntry } from "./job-entry.js";
import type { JobRegister } from "./register.js";
import { withoutRolesAtStart } from "./roles.js";
import { writeStored, type StoredJob } from "./stored.js";

/** A draft of which nothing is known yet. */
export function freshJob() {
  return {
    version: 1,
    id: newId(),
    state: "draft",
    createdAt: new Date().toISOString(),
    rank: 0,
    approved: false,
    retry: false,
    redoLater: [],
    progress: { total: 0, completed: 0, failed: 0, unfinished: 0 },
    warnings: [],
  } as const satisfies Partial<StoredJob>;
}

/** Adds a draft with the input, the references, the hints and the settings of another job. */
export async function copyJob(register: JobRegister, before: JobEntry): Promise<JobEntry> {
  before.assertWhole();
  const { name, named, background, source, settings, counts, cover } = before.stored;
  const pictures = await before.pictures();
  const { input, references, hints } = before.paths;
  return register.add(
    { ...freshJob(), name, named, background, source, settings, counts, cover, unscanned: true },
    async (folder) => {
      if (source.kind === "upload") await copyTree(input, join(folder, "input"));
      await copyTree(references, join(folder, "references"));
      await copyTree(hints, join(folder, "hints"));
      await writeStored(join(folder, "pictures.json"), withoutRolesAtStart(pictures), folder);
    },
  );
}

/** Copies a folder of files that are never changed in place, by links where the file system has them. */
async function copyTree(from: string, to: string): Promise<void> {
  const found = await readdir(from, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of found) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const target = join(to, source.slice(from.length + 1));
    await makeFolder(dirname(target));
    await link(source, target).catch(() => copyFile(source, target));
  }
}
