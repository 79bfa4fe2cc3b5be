// The chapters of the API double: pictures drawn from their numbers, jobs in every state, and how they go on.
import sharp from "sharp";

const STAGES = ["prepare", "lines", "references", "encode", "denoise", "decode", "upsample", "ink"];
export const TICK_MS = 60;

export const jobs = new Map();
export const streams = new Set();
export const history = [];
let counter = 0;
export const count = () => ++counter;
/** The double as a whole: `stalled` refuses everything, as a server that is gone. */
export const double = { stalled: false };

const newId = (prefix) => `${prefix}${String(++counter).padStart(8, "0")}`;
export const clock = (minutesAgo) => new Date(Date.now() - minutesAgo * 60_000).toISOString();

/* Pictures: a page is drawn from its number, in lines or in colour. */
const drawings = new Map();
export function drawing(number, coloured, size) {
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

export function picture(number, more = {}) {
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

export const view = ({ number: _number, ...rest }) => rest;
export function jobView({ pictures, ...job }) {
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
      inColor: count((one) => one.role === "inColor"),
      unreadable: count((one) => one.role === "unreadable"),
      other: 1,
    },
    progress: { total: pages.length, completed: done, failed, unfinished: left },
    ...(pages.length > 0 ? { cover: pages[0].id } : {}),
  };
}

export function addJob(name, state, pictures, more = {}) {
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

export function tell(event) {
  const text = `id: ${history.length + 1}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
  history.push(text);
  for (const stream of streams) stream.write(text);
}
export const tellJob = (job) => tell({ type: "job", job: jobView(job) });
export const tellPicture = (job, one) => tell({ type: "picture", job: job.id, picture: view(one) });

export const chapter = (pages, references = 4) => [
  ...Array.from({ length: pages }, (_, index) => picture(index + 1)),
  ...Array.from({ length: references }, (_, index) =>
    picture(index + 1, { role: "reference", name: `colour/ref_${index + 1}.jpg`, confidence: 0.99 - index * 0.03 }),
  ),
];

export function fill() {
  const sorting = chapter(22, 5);
  Object.assign(sorting[6], { unsure: true, confidence: 0.56 });
  Object.assign(sorting[13], { unsure: true, confidence: 0.61 });
  sorting.push(
    picture(30, { role: "inColor", name: "000_cover.png" }),
    picture(31, { role: "inColor", name: "023_back.png" }),
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
export function tick() {
  if (double.stalled) return;
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

/**
 * @param options.ids the failed pages that are tried again; default: all
 * @param options.goes whether its pages get done; default: they do
 */
function begin(job, { ids, goes = true } = {}) {
  job.state = "running";
  job.goes = goes;
  job.startedAt ??= clock(0);
  delete job.preview;
  for (const one of job.pictures)
    if (one.role === "page" && one.state !== "completed" && (ids?.includes(one.id) ?? true)) {
      one.state = "waiting";
      delete one.failure;
    }
  tell({ type: "pictures", job: job.id });
}

export const ACTIONS = {
  start: (job) => begin(job),
  // A chapter that stands still for a test does so after a pause too.
  resume: (job) => begin(job, { goes: job.goes }),
  retry: (job, { ids }) => begin(job, { ids }),
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
