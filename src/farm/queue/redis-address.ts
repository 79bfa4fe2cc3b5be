/** The address of the farm's Redis, and how it is shown: never with its password. */
import { ConfigurationError } from "../../errors.js";

/** A host that any scheme or none may precede, without anything that could be a user or a password. */
const WITHOUT_SECRETS = /^(?:[a-z]+:\/\/)?[\w.-]*(?::\d+)?(?:\/\d*)?$/i;

/** @throws ConfigurationError `ERR_CONFIG` */
export function checkRedisAddress(url: string): void {
  const parsed = /^rediss?:\/\//.test(url) && URL.canParse(url) ? new URL(url) : undefined;
  // A "/", "?" or "#" in a password ends the address, and what follows would be taken for the rest of it.
  if (
    parsed !== undefined &&
    parsed.hostname !== "" &&
    /^(?:\/\d*)?$/.test(parsed.pathname) &&
    !/[@#]/.test(parsed.search + parsed.hash)
  )
    return;
  const given = WITHOUT_SECRETS.test(url) ? `, not ${JSON.stringify(url)}` : "";
  throw new ConfigurationError(
    "ERR_CONFIG",
    `--queue: must be redis://HOST:PORT or rediss://…, PORT at most 65535${given}`,
    { remedy: "write special characters of a password as %XX" },
  );
}

/** An address as it may be shown. It must have passed `checkRedisAddress`. */
export function shownAddress(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
