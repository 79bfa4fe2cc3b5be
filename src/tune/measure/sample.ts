/** One measurement of a setting: the plain data that a report is made of. */
import { z } from "zod";

const ms = z.number().min(0);
const waits = z.strictObject({
  count: z.int().min(0).describe("how often"),
  waitMs: ms.describe("milliseconds of waiting for a turn, all together"),
  runMs: ms.describe("milliseconds of work, all together"),
});

/** One run of a batch of pages with one setting. */
export const sampleSchema = z
  .strictObject({
    at: z.iso.datetime().describe("when it began"),
    pages: z.int().min(1),
    wallMs: ms,
    pageMs: z.array(ms).describe("milliseconds of each page from its reading to its written picture"),
    stageMs: z.record(z.string(), ms).describe("milliseconds a page in each stage"),
    queueMs: z.record(z.string(), ms).describe("milliseconds a page in each queue between stages"),
    tasks: z.record(z.string(), waits).describe("worker tasks"),
    networks: z.record(z.string(), waits).describe("network runs"),
    deviceBusy: z.record(z.string(), z.number().min(0)).describe("share of the time that each device ran networks"),
    copiedBytes: z
      .strictObject({ toDevice: z.int().min(0), fromDevice: z.int().min(0) })
      .describe("copied between the host and devices with memory of their own; absent where there are none")
      .optional(),
    coresBusy: z.number().min(0).describe("cores that the process kept busy"),
    peakBytes: z.int().min(0).describe("peak resident memory"),
    memoryByOwner: z.record(z.string(), z.int().min(0)).describe("bytes reserved and held at the peak, by owner"),
    loopDelayMs: z.strictObject({ p99: ms, max: ms }).describe("delay of the event loop"),
    outputBytes: z.int().min(0).describe("size of the pictures that were written"),
    pictures: z.string().describe("SHA-256 over the pixels of all pictures; empty where they were not looked at"),
    foreignLoad: z.number().min(0).describe("cores that other processes kept busy"),
    throttledMs: ms.describe("milliseconds for which the control group or the processor's heat held it back"),
    joules: z.number().min(0).describe("energy of the processor's package and NVIDIA GPUs").optional(),
    gpu: z
      .strictObject({ busy: z.number().min(0), peakBytes: z.int().min(0), throttled: z.boolean() })
      .describe("of the NVIDIA GPUs together, as their driver says")
      .optional(),
  })
  .meta({ id: "Sample", description: "one measured run" });

/** One measured run. */
export type Sample = z.infer<typeof sampleSchema>;

/** A piece of work on the timeline; times in milliseconds from the start of the run. */
export const spanSchema = z.strictObject({
  page: z.string().describe("empty for what pages share"),
  kind: z.enum(["page", "task", "network", "queue"]),
  name: z.string(),
  startMs: z.number(),
  waitMs: ms.describe("how long it had waited before"),
  ms,
  lane: z.string().describe("device, or worker threads"),
});
/** A piece of work on the timeline. */
export type Span = z.infer<typeof spanSchema>;
