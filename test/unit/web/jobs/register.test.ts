// What the register tells of jobs and pages, and when.
import { join } from "node:path";
import { expect, it } from "vitest";
import type { ServerEvent } from "../../../../src/ui/web/api/schemas.js";
import { PathHider } from "../../../../src/ui/web/jobs/hide-paths.js";
import { JobIndex } from "../../../../src/ui/web/jobs/job-index.js";
import { JobRegister } from "../../../../src/ui/web/jobs/register.js";
import { temporaryFolder } from "../../../support/job-results.js";

it("tells of a page as it is when the event goes out, not as it was when something of it changed", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const register = new JobRegister(folder, await JobIndex.open(join(folder, "jobs.sqlite")), new PathHider([]));
  const none = { pages: 0, references: 0, inColor: 0, unreadable: 0, other: 0 };
  const entry = await register.add({
    version: 1,
    id: "aaaaaaaaaaaa",
    name: "One",
    named: true,
    state: "running",
    createdAt: "2026-01-01T00:00:00.000Z",
    background: false,
    source: { kind: "upload" },
    settings: {},
    rank: 0,
    approved: false,
    redoLater: [],
    unscanned: false,
    retry: false,
    counts: none,
    progress: { total: 1, completed: 0, failed: 0, unfinished: 1 },
    warnings: [],
  });
  const page = { id: "pppppppp", name: "p.png", added: false, bytes: 1, confidence: 1, unsure: false } as const;
  await entry.changePictures((all) => ({ ...all, pictures: [{ ...page, kind: "line_art" }] }));
  const told: ServerEvent[] = [];
  register.feed.listen((event) => told.push(event));
  await register.notifyPage(entry, page.name); // told at once
  await register.notifyPage(entry, page.name); // waits for the end of the gap, or of the feed
  await entry.changePictures(({ pictures, ...all }) => ({
    ...all,
    pictures: pictures.map((one) => ({ ...one, settings: { hints: "strokes" } })),
  }));
  register.feed.close();
  expect(told.at(-1)).toMatchObject({ type: "picture", picture: { id: page.id, settings: { hints: "strokes" } } });
});
