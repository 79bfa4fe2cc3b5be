// A double of the HTTP API in memory, for tests of the page alone: every state at once, 2,000 pages, failures, a lost
// connection. It serves the built page from dist/. Run as a process, it prints its address.
import { createReadStream, existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FileStore } from "@tus/file-store";
import { Server as TusServer } from "@tus/server";
import sharp from "sharp";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PAGE = join(ROOT, "dist/ui/web/page");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const STAGES = ["prepare", "lines", "references", "encode", "denoise", "decode", "upsample", "ink"];
const TICK_MS = 60;

const jobs = new Map();
const streams = new Set();
const history = [];
let counter = 0;
let stalled = false; // refuses everything, as a server that is gone

const newId = (prefix) => `${prefix}${String(++counter).padStart(8, "0")}`;
const clock = (minutesAgo) => new Date(Date.now() - minutesAgo * 60_000).toISOString();

/* Pictures: a page is drawn from its number, in lines or in colour. */
const drawings = new Map();
function drawing(number, coloured, size) {
  const key = `${number % 12}/${coloured}/${size}`;
  if (!drawings.has(key)) {
    const hue = (shift) => `hsl(${(number * 47 + shift) % 360} 62% 66%)`;
    const fill = (shift) => (coloured ? hue(shift) : "#fff");
    const head = 150 + (number % 5) * 22;
    const panel = (x, y, w, h, shift) =>
      `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${fill(shift)}"/>
       <path d="M${x} ${y + h * 0.75}q${w / 3} -${h / 5} ${w / 2} -20t${w / 2} -10V${y + h}H${x}z" fill="${fill(shift + 90)}"/>`;
    const face = (cx, cy, r, shift) =>
      `<path d="M${cx - r * 1.4} ${cy + r * 2.8}q${r * 1.4} -${r * 2.6} ${r * 2.8} 0z" fill="${fill(shift + 150)}"/>
       <circle cx="${cx}" cy="${cy}" r="${r}" fill="${coloured ? "#f6d7c0" : "#fff"}"/>
       <path d="M${cx - r * 1.1} ${cy}q0 -${r * 1.5} ${r * 1.1} -${r * 1.4}q${r * 1.2} 0 ${r * 1.1} ${r * 1.5}q-${r * 0.5} -${r} -${r} -${r * 0.8}q-${r * 0.8} 0 -${r * 1.2} ${r * 0.7}z" fill="${fill(shift)}"/>
       <path d="M${cx - r * 0.4} ${cy + 4}v10M${cx + r * 0.4} ${cy + 4}v10M${cx - 12} ${cy + r * 0.55}q12 9 24 0" fill="none"/>`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 840" width="${Math.round((size * 600) / 840)}" height="${size}">
      <rect width="600" height="840" fill="#fff"/><g stroke="#16151a" stroke-width="4" stroke-linejoin="round">
      ${panel(24, 24, 552, 380, 20)}${face(head, 190, 74, 0)}${face(430, 230, 54, 190)}
      ${panel(24, 428, 268, 388, 60)}${face(160, 610, 58, 0)}${panel(316, 428, 260, 388, 240)}${face(440, 640, 62, 190)}
      <path d="M330 60q-30 -30 20 -34h120q40 4 26 40t-50 30l-24 22v-22h-50q-34 -4 -42 -36z" fill="#fff"/></g></svg>`;
    drawings.set(key, sharp(Buffer.from(svg)).flatten({ background: "#fff" }).png().toBuffer());
  }
  return drawings.get(key);
}

function picture(number, more = {}) {
  const role = more.role ?? "page";
  return {
    id: newId("p"),
    name: `${String(number).padStart(3, "0")}.png`,
    added: false,
    suggested: role,
    confidence: 0.99 - (number % 7) * 0.01,
    unsure: false,
    width: 1000,
    height: 1400,
    bytes: 240_000,
    state: "none",
    number,
    ...more,
    role,
  };
}

function finish(job, page) {
  delete page.stage;
  Object.assign(page, { state: "completed", elapsedMs: 8400 + (page.number % 9) * 350 });
  const references = job.pictures.filter((one) => one.role === "reference").map((one) => one.name);
  const patches = Array.from(
    { length: 12 },
    (_, index) => `${references[(index * index) % references.length]}#${index % 5}`,
  );
  page.result = {
    version: `v${++counter}`,
    name: page.name.replace(".png", "_colorized.png"),
    width: 1000,
    height: 1400,
    seed: page.settings?.seed ?? job.settings.seed ?? 0,
    references: references.length > 0 ? patches : [],
  };
}

const view = ({ number: _number, ...rest }) => rest;
function jobView({ pictures, ...job }) {
  const pages = pictures.filter((one) => one.role === "page");
  const count = (test) => pictures.filter(test).length;
  const done = pages.filter((one) => one.state === "completed").length;
  const failed = pages.filter((one) => one.state === "failed").length;
  const left = pages.length - done - failed;
  return {
    ...job,
    ...(job.state === "running" ? { secondsLeft: left * 9 } : {}),
    ...(job.state === "completed" ? { result: { name: `${job.name}_colorized.cbz`, bytes: 12_400_000 } } : {}),
    counts: {
      pages: pages.length,
      references: count((one) => one.role === "reference"),
      inColour: count((one) => one.role === "inColour"),
      unreadable: count((one) => one.role === "unreadable"),
      other: 1,
    },
    progress: { total: pages.length, completed: done, failed, unfinished: left },
    ...(pages.length > 0 ? { cover: pages[0].id } : {}),
  };
}

function addJob(name, state, pictures, more = {}) {
  const job = {
    id: newId("j"),
    name,
    state,
    createdAt: clock(40 + counter / 100),
    background: false,
    source: { kind: "upload" },
    scanning: false,
    settings: {},
    warnings: [],
    pictures,
    ...more,
  };
  jobs.set(job.id, job);
  return job;
}

function tell(event) {
  const text = `id: ${history.length + 1}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
  history.push(text);
  for (const stream of streams) stream.write(text);
}
const tellJob = (job) => tell({ type: "job", job: jobView(job) });
const tellPicture = (job, one) => tell({ type: "picture", job: job.id, picture: view(one) });

const chapter = (pages, references = 4) => [
  ...Array.from({ length: pages }, (_, index) => picture(index + 1)),
  ...Array.from({ length: references }, (_, index) =>
    picture(index + 1, { role: "reference", name: `colour/ref_${index + 1}.jpg`, confidence: 0.99 - index * 0.03 }),
  ),
];

function fill() {
  const sorting = chapter(22, 5);
  Object.assign(sorting[6], { unsure: true, confidence: 0.56 });
  Object.assign(sorting[13], { unsure: true, confidence: 0.61 });
  sorting.push(
    picture(30, { role: "inColour", name: "000_cover.png" }),
    picture(31, { role: "inColour", name: "023_back.png" }),
  );
  sorting.push(
    picture(32, {
      role: "unreadable",
      name: "broken.png",
      confidence: 0,
      failure: {
        stage: "scan",
        code: "ERR_IMAGE_DECODE",
        message: "broken.png ends in the middle of its data.",
        remedy: "Export the picture again and upload it anew.",
      },
    }),
  );
  addJob("Moonlit Harbour 12", "draft", sorting);
  addJob("Moonlit Harbour, all volumes", "draft", chapter(2000, 12));
  const running = addJob("Paper Lanterns 3", "running", chapter(18), { startedAt: clock(3) });
  for (const one of running.pictures) if (one.role === "page") one.state = "waiting";
  for (const one of running.pictures.slice(0, 7)) finish(running, one);
  Object.assign(running.pictures[7], { state: "processing", stage: "denoise", step: 6, steps: 10, elapsedMs: 4200 });
  Object.assign(running.pictures[8], { state: "processing", stage: "lines", elapsedMs: 900 });
  for (const [index, name] of ["Paper Lanterns 4", "Paper Lanterns 5", "Night Train"].entries())
    addJob(name, "queued", chapter(20 + index), { position: index, background: index === 2 });
  const preview = addJob("Glass Garden 1", "preview", chapter(9), { startedAt: clock(8) });
  finish(preview, preview.pictures[0]);
  preview.preview = { pages: [preview.pictures[0].id] };
  const seeds = addJob("Glass Garden 2", "preview", chapter(9), { startedAt: clock(9) });
  finish(seeds, seeds.pictures[1]);
  seeds.preview = {
    pages: [seeds.pictures[1].id],
    seeds: [0, 1, 2, 3, 4, 5].map((seed) => ({ page: seeds.pictures[1].id, seed })),
  };
  const done = addJob("The Lighthouse Keeper 7", "completed", chapter(24), {
    startedAt: clock(70),
    endedAt: clock(61),
  });
  for (const one of done.pictures) if (one.role === "page") finish(done, one);
  for (const index of [4, 15]) {
    const one = done.pictures[index];
    delete one.result;
    one.state = "failed";
    one.failure = {
      stage: "references",
      code: "ERR_NO_REFERENCES",
      message: `${one.name} has no reference that is like it.`,
      remedy: "Add a coloured picture of the same characters, then colour the page again.",
    };
  }
  addJob("Broken archive", "failed", [], {
    startedAt: clock(100),
    endedAt: clock(100),
    problem: {
      type: "about:blank",
      title: "Unprocessable Content",
      status: 422,
      code: "ERR_ARCHIVE_READ",
      detail: "Broken archive.cbz is not a ZIP archive: it has no central directory.",
      remedy: "Open the archive with another program to see whether it is whole, then upload it again.",
    },
  });
  addJob("Night Train, first try", "cancelled", chapter(6), { startedAt: clock(200), endedAt: clock(190) });
  const one = addJob("cover", "completed", [
    picture(5, { name: "cover.png" }),
    picture(5, { role: "reference", name: "cover_colour.jpg", added: true }),
  ]);
  finish(one, one.pictures[0]);
}

/* Work: each running job's first page goes on by one stage or step a tick. */
function tick() {
  if (stalled) return;
  for (const job of jobs.values()) {
    if (job.state !== "running" || !job.goes) continue;
    const pages = job.pictures.filter((one) => one.role === "page");
    const current = pages.find((one) => one.state === "processing") ?? pages.find((one) => one.state === "waiting");
    if (!current) {
      job.state = "completed";
      job.endedAt = clock(0);
      tellJob(job);
      continue;
    }
    if (current.state === "waiting") Object.assign(current, { state: "processing", stage: "prepare", elapsedMs: 0 });
    else if (current.stage === "denoise" && current.step < current.steps) current.step++;
    else {
      const next = STAGES[STAGES.indexOf(current.stage) + 1];
      delete current.step;
      delete current.steps;
      if (next === undefined) finish(job, current);
      else Object.assign(current, { stage: next }, next === "denoise" ? { step: 1, steps: 4 } : {});
    }
    tellPicture(job, current);
    if (current.state === "completed") {
      const limit = job.settings.preview ? (job.settings.previewPages ?? 1) : Infinity;
      if (!job.approved && pages.filter((one) => one.state === "completed").length >= limit) {
        job.state = "preview";
        job.preview = { pages: pages.slice(0, limit).map((one) => one.id) };
      }
      tellJob(job);
    }
  }
}

/** @param ids the failed pages that are tried again; default: all */
function begin(job, ids) {
  job.state = "running";
  job.goes = true;
  job.startedAt ??= clock(0);
  delete job.preview;
  for (const one of job.pictures)
    if (one.role === "page" && one.state !== "completed" && (ids?.includes(one.id) ?? true)) {
      one.state = "waiting";
      delete one.failure;
    }
  tell({ type: "pictures", job: job.id });
}

const ACTIONS = {
  start: (job) => begin(job),
  resume: (job) => begin(job),
  retry: (job, { ids }) => begin(job, ids),
  pause: (job) => void (job.state = "paused"),
  cancel: (job) => void (job.state = "cancelled"),
  approve: (job) => {
    job.approved = true;
    begin(job);
  },
  reject: (job, body) => {
    Object.assign(job.settings, body.settings);
    job.pictures[0].state = "waiting";
    begin(job);
  },
};

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
    const number = ++counter % 12;
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
    one.role === "inColour";
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
    // Of the double alone: behave as a server that is gone, and come back.
    stalled = id === "stall";
    if (stalled) for (const stream of streams) stream.destroy();
    return json(response, {});
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
  if (stalled && url.pathname !== "/api/v1/double/back") {
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
