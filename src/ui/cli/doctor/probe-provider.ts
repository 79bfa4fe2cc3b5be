/**
 * Runs as a process of its own: tries each probe on the provider and the device named by its arguments and prints the
 * outcome as JSON. Standard error names the operator being run, for a parent that sees this process crash.
 */
import { InferenceSession, Tensor, type Provider } from "../../../binding/index.js";
import { BatchProcessingError } from "../../../errors.js";
import { probes, PROBE_TOLERANCE, type Probe } from "./probe-graphs.js";

async function fault(
  { operator, graph, inputs, expected }: Probe,
  provider: Provider,
  deviceId: number,
): Promise<string | undefined> {
  using session = await InferenceSession.create(graph, { provider, deviceId });
  const tensors = Object.entries(inputs).map(
    ([name, { data, dims }]) => [name, Tensor.from("float32", data, dims)] as const,
  );
  const { y } = await session.run(Object.fromEntries(tensors));
  const values = y!.data as Float32Array;
  const off = Math.max(...expected.map((value, i) => Math.abs(value - values[i]!)));
  return off <= PROBE_TOLERANCE ? undefined : `${operator} gives wrong values (off by ${off})`;
}

/** Without the remedy: doctor has its own. */
function messageIn(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const provider = process.argv[2] as Provider;
const deviceId = Number(process.argv[3] ?? 0);
const ran: string[] = [];
try {
  let found: string | undefined;
  for (const probe of probes()) {
    process.stderr.write(`probe: ${probe.operator}\n`);
    found = await fault(probe, provider, deviceId);
    if (found !== undefined) break;
    ran.push(probe.operator);
  }
  process.stdout.write(JSON.stringify(found === undefined ? { provider, ran } : { message: found }));
} catch (error) {
  process.stdout.write(
    JSON.stringify({
      code: error instanceof BatchProcessingError ? error.code : "ERR_INTERNAL",
      message: ran.length === 0 ? messageIn(error) : `runs ${ran.join(" and ")}, then fails: ${messageIn(error)}`,
    }),
  );
}
