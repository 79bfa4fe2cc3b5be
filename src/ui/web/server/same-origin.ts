/**
 * Keeps pages of other sites away. Browsers say where a request comes from (`Sec-Fetch-Site`, `Origin`); programs say
 * neither.
 */
import type { IncomingHttpHeaders } from "node:http";

/** Methods that change nothing. */
const READING: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** Why a request is not one of this server's own page or of a program; undefined where it is. */
export function foreignOrigin(method: string, headers: IncomingHttpHeaders): string | undefined {
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none")
    return `the request comes from a page of another site (Sec-Fetch-Site: ${String(site).slice(0, 40)})`;
  const { origin, host } = headers;
  if (origin === undefined || READING.has(method)) return undefined;
  if (host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)) return undefined;
  return `the request comes from ${JSON.stringify(origin.slice(0, 200))}, not from this server's own page`;
}
