// A double of the HTTP API in memory, for tests of the page alone: every state at once, 2,000 pages, failures, a lost
// connection. It serves the built page from dist/. Run as a process, it prints its address.
import { createReadStream, existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FileStore } from "@tus/file-store";
import { Server as TusServer } from "@tus/server";
import {
  ACTIONS,
  TICK_MS,
  addJob,
  chapter,
  clock,
  count,
  double,
  drawing,
  fill,
  history,
  jobView,
  jobs,
  picture,
  streams,
  tell,
  tellJob,
  tellPicture,
  tick,
  view,
} from "./api-double-chapters.mjs";
import { actOnFarm, newFarm } from "./api-double-farm.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PAGE = join(ROOT, "dist/ui/web/page");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const problem = (status, code, detail, remedy) => ({
  status,
  body: { type: "about:blank", title: "Error", status, code, detail, remedy },
});

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

const tus = new TusServer({
  path: "/api/v1/uploads",
  relativeLocation: true,
  datastore: new FileStore({ directory: mkdtempSync(join(tmpdir(), "api-double-")) }),
  onUploadFinish: async (_request, { metadata }) => {
    const job = jobs.get(metadata.job);
    const reference = metadata.role === "reference";
    const number = count() % 12;
    if (/\.(cbz|zip)$/.test(metadata.path)) job.pictures.push(...chapter(6, 3));
    else
      job.pictures.push(
        picture(number, { name: metadata.path, role: reference ? "reference" : "page", added: reference }),
      );
    tell({ type: "pictures", job: job.id });
    tellJob(job);
    return {};
  },
});

function send(response, status, type, data, headers = {}) {
  response.writeHead(status, { "content-type": type, ...headers });
  response.end(data);
}
const json = (response, data, status = 200) => send(response, status, "application/json", JSON.stringify(data));

async function pictureFile(response, job, one, what, query) {
  const size = what === "thumbnail" ? Number(query.get("size")) : 1400;
  const small = query.get("of") ?? "original";
  const seed = query.get("seed");
  const coloured =
    what === "result" ||
    seed !== null ||
    (what === "thumbnail" && small === "result") ||
    (small === "latest" && one.state === "completed") ||
    one.role === "reference" ||
    one.role === "inColor";
  if (one.role === "unreadable") return json(response, {}, 404);
  const number = seed === null ? one.number : one.number + Number(seed);
  const bytes = await drawing(number, coloured && what !== "lines", size);
  send(response, 200, "image/png", bytes, { "cache-control": "private, max-age=3600" });
}

async function route(request, response, url) {
  const [first, id, second, pictureId, what] = url.pathname.slice("/api/v1/".length).split("/");
  const { method } = request;
  if (first === "server")
    return json(response, {
      version: "0.1.0",
      model: { name: "embedded", version: "1.0.0", trained: true, standIn: true },
      styles: ["line", "line + shadow"],
      ignored: [
        { setting: "seed", because: "gives the same picture for every seed" },
        { setting: "numInferenceSteps", because: "takes a single step" },
        {
          setting: "topK",
          because: "takes every reference as a whole",
          unless: "there are more than 4 x top-k references",
        },
      ],
      unavailable: double.farm ? [{ what: "lines", because: "this server has no model" }] : [],
      ...(double.farm ? { farm: { name: "comics" } } : {}),
      roots: ["comics", "scans"],
      limits: { uploadBytes: 1e10, pageBytes: 1e8 },
    });
  if (first === "roots")
    return json(
      response,
      id === undefined
        ? ["comics", "scans"]
        : {
            root: id,
            path: url.searchParams.get("path"),
            entries: [
              { name: "Volume 1", path: "Volume 1", kind: "folder" },
              { name: "Volume 2", path: "Volume 2", kind: "folder" },
              { name: "one-shot.cbz", path: "one-shot.cbz", kind: "archive" },
            ],
          },
    );
  if (first === "events") {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    const last = request.headers["last-event-id"];
    response.write(`retry: 200\nid: ${history.length}\n\n`);
    if (last !== undefined) for (const text of history.slice(Number(last))) response.write(text);
    streams.add(response);
    response.on("close", () => streams.delete(response));
    return undefined;
  }
  if (first === "double") {
    // Of the double alone: tell an event; behave as a server that is gone, and come back.
    if (id === "farm") {
      double.farm = newFarm([...jobs.values()].find((job) => job.name === "Paper Lanterns 4"));
      return json(response, {});
    }
    if (id === "tell") {
      tell(JSON.parse((await body(request)).toString()));
      return json(response, {});
    }
    if (id === "farm-lost") {
      double.farm.connected = false;
      tell({ type: "farm", farm: double.farm });
      return json(response, {});
    }
    double.stalled = id === "stall";
    if (double.stalled) for (const stream of streams) stream.destroy();
    return json(response, {});
  }
  if (first === "farm") {
    const asked = method === "GET" ? {} : JSON.parse((await body(request)).toString() || "{}");
    const farm = actOnFarm(double.farm, [id, second, pictureId], asked);
    tell({ type: "farm", farm });
    return json(response, farm);
  }
  if (id === undefined && method === "GET") return json(response, [...jobs.values()].map(jobView));
  const given = method === "POST" || method === "PATCH" ? JSON.parse((await body(request)).toString() || "{}") : {};
  if (id === undefined) {
    const job = addJob(given.name ?? "New", "draft", [], { ...given, createdAt: clock(0) });
    tellJob(job);
    return json(response, jobView(job), 201);
  }
  const job = jobs.get(id);
  if (!job) {
    const { status, body } = problem(404, "ERR_JOB_NOT_FOUND", `There is no job "${id}".`, "Look at the list of jobs.");
    return json(response, body, status);
  }
  return jobRoute({ request, response, url, job, second, pictureId, what, given });
}

async function jobRoute({ request, response, url, job, second, pictureId, what, given }) {
  const { method } = request;
  if (second === undefined) {
    if (method === "DELETE") {
      jobs.delete(job.id);
      tell({ type: "job-removed", id: job.id });
      response.writeHead(204);
      return response.end();
    }
    if (method === "PATCH") {
      if (given.position !== undefined) {
        const queued = [...jobs.values()].filter((one) => one.state === "queued" && one !== job);
        queued.sort((a, b) => a.position - b.position).splice(given.position, 0, job);
        for (const [position, one] of queued.entries()) {
          one.position = position;
          tellJob(one);
        }
      } else Object.assign(job, given);
      tellJob(job);
    }
    return json(response, jobView(job));
  }
  if (second === "result") return send(response, 200, "application/zip", "PK", { "content-disposition": "attachment" });
  if (second === "again") {
    const copy = addJob(
      job.name,
      "draft",
      job.pictures.map((one) => picture(one.number, { role: one.role, name: one.name })),
    );
    tellJob(copy);
    return json(response, jobView(copy), 201);
  }
  if (second === "redo") {
    for (const one of job.pictures)
      if (given.ids.includes(one.id)) {
        one.settings = { ...one.settings, ...given.settings };
        one.state = "waiting";
        delete one.failure;
      }
    Object.assign(job, { state: "running", goes: true });
    tell({ type: "pictures", job: job.id });
    tellJob(job);
    return json(response, jobView(job));
  }
  if (second in ACTIONS) {
    ACTIONS[second](job, given);
    tellJob(job);
    return json(response, jobView(job));
  }
  if (pictureId === undefined) {
    if (method === "GET") return json(response, job.pictures.map(view));
    const changed = job.pictures.filter((one) => given.ids.includes(one.id));
    for (const one of changed) {
      Object.assign(
        one,
        given.role ? { role: given.role, unsure: false } : {},
        given.settings ? { settings: given.settings } : {},
      );
      tellPicture(job, one);
    }
    tellJob(job);
    return json(response, changed.map(view));
  }
  const one = job.pictures.find((each) => each.id === pictureId);
  if (what === "hints") {
    if (method === "PUT") {
      one.hints = await body(request);
      one.settings = { ...one.settings, hints: "strokes" };
    } else if (method === "DELETE") delete one.settings?.hints;
    else return send(response, 200, "image/png", one.hints);
    const { hints: _hints, ...rest } = one;
    tellPicture(job, rest);
    return json(response, view(rest));
  }
  if (method === "DELETE") {
    job.pictures = job.pictures.filter((each) => each !== one);
    tell({ type: "pictures", job: job.id });
    response.writeHead(204);
    return response.end();
  }
  return pictureFile(response, job, one, what, url.searchParams);
}

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://double");
  response.setHeader("content-security-policy", CSP);
  if (double.stalled && url.pathname !== "/api/v1/double/back") {
    request.socket.destroy();
    return;
  }
  if (url.pathname.startsWith("/api/v1/uploads")) {
    void tus.handle(request, response);
    return;
  }
  if (url.pathname.startsWith("/api/v1/")) {
    route(request, response, url).catch((error) => {
      process.stderr.write(`${error.stack}\n`);
      json(response, problem(500, "ERR_INTERNAL", String(error), "Look at the double.").body, 500);
    });
    return;
  }
  const file = join(PAGE, url.pathname === "/" ? "index.html" : url.pathname);
  if (!existsSync(file)) return void send(response, 404, "text/plain", "not found");
  response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
  createReadStream(file).pipe(response);
});

if (!process.argv.includes("--empty")) fill();
setInterval(tick, TICK_MS).unref();
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}/\n`);
});
readFileSync(join(PAGE, "index.html")); // says at once that the page was not built
