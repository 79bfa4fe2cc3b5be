// A farm for the double of the web page's API: workers in every state, chapters of servers and of shells.
const at = (minutes) => new Date(Date.UTC(2026, 10, 27, 9, minutes)).toISOString();
const GB = 1e9;

function node(host, id, more) {
  return {
    id: `${host}-${id}`,
    host,
    version: "0.1.0",
    model: "cobra 1.0.0",
    isOurs: true,
    devices: [{ name: "cuda:0", state: "ready", totalBytes: 25.4 * GB, usedBytes: 18.2 * GB }],
    memory: { totalBytes: 67 * GB, usedBytes: 4.1 * GB },
    pagesAtOnce: 7,
    pagesDone: 1284,
    pagesFailed: 0,
    pagesPerMinute: 14.2,
    state: "working",
    working: [],
    startedAt: at(2),
    heardAt: at(41),
    ...more,
  };
}

/** @param job a job of the server that has a chapter in the queue */
export function newFarm(job) {
  const of = (page, stage, more = {}) => ({ page, chapter: job.name, stage, ...more });
  return {
    name: "comics",
    connected: true,
    paused: false,
    nodes: [
      node("render-01", "9f2c11", {
        working: [
          of("012.png", "denoise", { step: 6, steps: 10 }),
          of("013.png", "denoise", { step: 6, steps: 10 }),
          of("014.png", "references"),
          of("015.png", "decode"),
        ],
      }),
      node("render-02", "04be7a", {
        devices: [
          { name: "cuda:0", state: "ready", totalBytes: 25.4 * GB, usedBytes: 17.9 * GB },
          { name: "cuda:1", state: "lost", totalBytes: 25.4 * GB, usedBytes: 0 },
        ],
        pagesFailed: 2,
        pagesPerMinute: 7.1,
        working: [of("016.png", "ink")],
      }),
      node("render-03", "e1d3c0", { state: "draining", working: [of("017.png", "denoise", { step: 9, steps: 10 })] }),
      node("render-04", "77a0f9", { state: "drained", pagesPerMinute: 0 }),
      node("render-05", "5c6d21", { state: "idle", isOurs: false, model: "cobra-small 0.4.0", pagesPerMinute: 0 }),
    ],
    chapters: [
      chapter("1a2b3c4d5e6f", job.name, {
        job: job.id,
        pages: 40,
        left: 17,
        done: 21,
        failed: 1,
        pagesPerMinute: 12.4,
      }),
      chapter("0f1e2d3c4b5a", "Nightly Ferry 3.cbz", {
        priority: 5,
        pages: 64,
        left: 20,
        done: 44,
        pagesPerMinute: 9.1,
      }),
      chapter("a0b1c2d3e4f5", "Nightly Ferry 2.cbz", {
        state: "failed",
        left: 0,
        done: 30,
        failed: 1,
        reason: "1 of 31 pages failed: p07.png (ERR_PAGE_CRASHED)",
        remedy:
          "mend the pictures of these pages where they were submitted, then retry; the output has all other pages",
        failures: [
          {
            page: "p07.png",
            stage: "denoise",
            code: "ERR_PAGE_CRASHED",
            message: 'the page "p07.png" has crashed workers twice, and is quarantined',
            remedy: "look at the picture, then try it once more, perhaps with fewer steps or made smaller",
          },
        ],
        pages: 31,
      }),
    ],
  };
}

function chapter(id, name, more) {
  const counts = { done: 0, failed: 0, pagesPerMinute: 0 };
  return { id, name, model: "cobra 1.0.0", state: "waiting", priority: 0, submittedAt: at(30), ...counts, ...more };
}

/** Does what a call asks for. @returns the farm */
export function actOnFarm(farm, [what, id, action], given) {
  if (what === "pause" || what === "resume") farm.paused = what === "pause";
  if (what === "nodes") {
    const one = farm.nodes.find((each) => each.id === id);
    const busy = one.working.length > 0;
    if (action === "drain") one.state = busy ? "draining" : "drained";
    else one.state = busy ? "working" : "idle";
  }
  if (what === "chapters" && action === "cancel") farm.chapters = farm.chapters.filter((each) => each.id !== id);
  if (what === "chapters" && action === "retry")
    Object.assign(
      farm.chapters.find((each) => each.id === id),
      { state: "waiting", reason: undefined, remedy: undefined, failures: undefined, left: 1, failed: 0 },
    );
  if (what === "chapters" && (action === "pause" || action === "resume"))
    farm.chapters.find((each) => each.id === id).state = action === "pause" ? "paused" : "waiting";
  if (what === "chapters" && action === undefined)
    farm.chapters.find((each) => each.id === id).priority = given.priority;
  return farm;
}
