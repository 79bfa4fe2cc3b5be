/** A farm as the API shows it. */
import { VERSION } from "../../../core/version.js";
import { queueNamesOf, type QueueNames } from "../../../farm/queue/farm-queue.js";
import type { FarmState } from "../../../farm/queue/farm-status.js";
import type { FarmNode as Node } from "../../../farm/queue/node-record.js";
import type { QueuedChapter } from "../../../farm/queue/queued-chapter.js";
import { webRemedy } from "../jobs/remedies.js";
import type { Farm, FarmNode } from "../api/farm.js";

/** @param jobs of the server, by the ids of their chapters */
export function farmView(
  { connected, paused, nodes, chapters }: FarmState,
  name: string,
  names: QueueNames,
  jobs: ReadonlyMap<string, string>,
): Farm {
  return {
    name,
    connected,
    paused,
    nodes: nodes.map((node) => nodeView(node, names)),
    chapters: chapters.map((queued) => {
      const { output, id, failures, remedy: _ofTheCommand, ...chapter } = queued;
      const job = jobs.get(id);
      const remedy = remedyOf(queued);
      return {
        id,
        name: output,
        ...(job === undefined ? {} : { job }),
        ...chapter,
        ...(remedy === undefined ? {} : { remedy }),
        ...(failures === undefined
          ? {}
          : { failures: failures.map((one) => ({ ...one, remedy: webRemedy(one.code) })) }),
      };
    }),
  };
}

/** What people at the page can do about a chapter that failed: they have no commands. */
function remedyOf({ state, code, failures }: QueuedChapter): string | undefined {
  if (state !== "failed") return undefined;
  if (failures !== undefined)
    return "mend the pictures of these pages where they were submitted, then retry; the output has all other pages";
  if (code === undefined) return "retry; if it stays, cancel it and submit it again";
  if (code === "ERR_QUEUE_JOB")
    return "put back what went from its input, then retry; or cancel it and submit it again";
  return webRemedy(code);
}

function nodeView({ pid: _pid, drained, model, working, ...node }: Node, names: QueueNames): FarmNode {
  const busy = working.length > 0;
  return {
    ...node,
    model: `${model.name} ${model.version}`,
    isOurs: node.version === VERSION && queueNamesOf(names.farm, model).pages === names.pages,
    state: drained ? (busy ? "draining" : "drained") : busy ? "working" : "idle",
    working: working.map(({ page, chapter, stage, step, steps }) => ({
      page,
      chapter,
      stage,
      ...(step === undefined ? {} : { step }),
      ...(steps === undefined ? {} : { steps }),
    })),
  };
}
