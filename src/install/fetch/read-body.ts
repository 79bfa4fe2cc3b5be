/** Reads a small file from an address into memory. */
import { connectionRetry, type Retry } from "./retry.js";
import { withoutSecrets, type Connection } from "./connection.js";
import { FetchFault, statusFault } from "./fetch-fault.js";

/**
 * The bytes at an address, `limit` at most.
 * @throws ResourceError `ERR_MODEL_FETCH`, ModelError `ERR_MODEL_SOURCE`
 */
export async function readBody(
  connection: Connection,
  url: URL,
  limit: number,
  retry: Retry = connectionRetry(),
): Promise<Buffer> {
  return retry(async () => {
    const answer = await connection.send("GET", url);
    const address = withoutSecrets(answer.url);
    try {
      if (answer.status !== 200)
        throw statusFault({
          ...answer,
          address,
          host: answer.url.host,
          proxy: connection.proxyFor(answer.url),
          hub: undefined,
          hasToken: false,
        });
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of connection.read(answer)) {
        length += chunk.length;
        if (length > limit)
          throw new FetchFault(`${address} has more than ${limit} bytes, which is too much for a catalogue`, {
            remedy: "check the address",
            passing: false,
          });
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } catch (error) {
      answer.body.destroy();
      throw error instanceof FetchFault ? error : (connection.faultOf(error, answer.url) ?? error);
    }
  });
}
