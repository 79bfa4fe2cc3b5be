// Samples a GPU with nvidia-smi while something runs.
import { spawn } from "node:child_process";

const FIELDS = [
  ["utilization.gpu", "GPU busy", "%"],
  ["memory.used", "GPU memory used at most", "MiB"],
  ["power.draw", "power", "W"],
  ["temperature.gpu", "temperature at most", "C"],
  ["clocks.sm", "clock", "MHz"],
];
const AT_MOST = new Set(["memory.used", "temperature.gpu"]);

/** Reads figures five times a second until `end` is called. Nothing where there is no nvidia-smi. */
export function watchGpu(device) {
  const rows = [];
  if (!device.startsWith("cuda")) return { figures: () => [], end: () => undefined };
  const child = spawn(
    "nvidia-smi",
    [
      "-i",
      device.split(":")[1] ?? "0",
      `--query-gpu=${FIELDS.map(([field]) => field).join(",")}`,
      "--format=csv,noheader,nounits",
      "-lms",
      "200",
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  child.on("error", () => undefined);
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    for (const line of text.split("\n").filter(Boolean)) rows.push(line.split(", ").map(Number));
  });
  return {
    figures: () =>
      rows.length < 2
        ? []
        : FIELDS.flatMap(([field, figure, unit], at) => {
            const values = rows.map((row) => row[at]).filter((value) => Number.isFinite(value));
            if (values.length === 0) return [];
            const value = AT_MOST.has(field)
              ? Math.max(...values)
              : values.reduce((sum, one) => sum + one, 0) / values.length;
            return [[figure, value, unit]];
          }),
    end: () => child.kill("SIGKILL"),
  };
}
