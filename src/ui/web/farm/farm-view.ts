/** A farm as the API shows it. */
import { VERSION } from "../../../core/version.js";
import { queueNamesOf, type QueueNames } from "../../../farm/queue/farm-queue.js";
import type { FarmState } from "../../../farm/queue/farm-status.js";
import type { FarmNode as Node } from "../../../farm/queue/node-record.js";
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
    chapters: chapters.map(({ output, id, failures, ...chapter }) => {
      const job = jobs.get(id);
      return {
        id,
        name: output,
        ...(job === undefined ? {} : { job }),
        ...chapter,
        ...(failures === undefined ? {} : { failures: [...failures] }),
      };
    }),
  };
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
