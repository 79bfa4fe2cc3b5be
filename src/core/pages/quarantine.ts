/** Quarantine: a page that keeps crashing the process fails instead of being started again. */
import { ImageProcessingError, ResourceError, type BatchProcessingError } from "../../errors.js";
import type { CrashPolicy } from "../journal/crash-evidence.js";
import type { RunOutput } from "../run-output.js";
import type { PageContext } from "./page-work.js";

/** Records in an output which pages are started and where they are; a quarantined page throws instead. */
export function guardedBy(output: RunOutput): Pick<PageContext, "begin" | "onStage"> {
  return {
    begin: (page) => {
      const crashPolicy = output.crashPolicy(page);
      if (crashPolicy.kind !== "quarantined") {
        output.begin(page);
        return;
      }
      page.stage = crashPolicy.stage;
      throw quarantineError(page.entry.name, crashPolicy);
    },
    onStage: (job) => output.enterStage(job),
  };
}

function quarantineError(
  page: string,
  { cause, exits, stage }: Extract<CrashPolicy, { kind: "quarantined" }>,
): BatchProcessingError {
  const times = exits === 2 ? "twice" : `${exits} times`;
  if (cause === "out-of-memory")
    return new ResourceError(
      "ERR_OUT_OF_MEMORY",
      `page "${page}" was skipped: the process was killed ${times} for running out of memory while it processed this page, the last time alone (stage "${stage}"); the other pages continue`,
      { remedy: "give the process more memory, then do the page again with `cobra-batch retry`" },
    );
  const what =
    cause === "crash"
      ? `the process crashed ${times} while it processed this page, the last time alone (stage "${stage}")`
      : `the process ended ${times} while it processed this page, at last always alone in the same stage (stage "${stage}", cause unknown)`;
  return new ImageProcessingError(
    "ERR_PAGE_CRASHED",
    `page "${page}" was quarantined: ${what}; the other pages continue`,
    { imagePath: page },
  );
}
