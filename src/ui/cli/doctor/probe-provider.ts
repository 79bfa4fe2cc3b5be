/**
 * A process of its own: starts a one-node session on the provider named by its argument and prints what came of it as
 * JSON.
 */
import { InferenceSession, type Provider } from "../../../binding/index.js";
import { BatchProcessingError, messageOf } from "../../../errors.js";
import { probeGraph } from "../../../model/probe-graph.js";

try {
  using session = await InferenceSession.create(probeGraph(), { provider: process.argv[2] as Provider });
  process.stdout.write(JSON.stringify({ provider: session.provider }));
} catch (error) {
  process.stdout.write(
    JSON.stringify({
      code: error instanceof BatchProcessingError ? error.code : "ERR_INTERNAL",
      message: messageOf(error),
    }),
  );
}
