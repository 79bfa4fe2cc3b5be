/**
 * Checks the host names that the server answers to. A page of another site can make its own name lead to this server's
 * address (DNS rebinding), but it cannot make a browser send another `Host` than that name.
 */
import { hostname } from "node:os";
import { isIP } from "node:net";

/** Whether an address or name is this machine alone. */
export function isLoopback(host: string): boolean {
  const name = bare(host);
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

/** The name in a `Host` header, without port and brackets, in lower case. Undefined for what is no host. */
export function hostName(header: string | undefined): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?$/.exec(header ?? "") ?? [];
  const name = (bracketed ?? plain)?.toLowerCase().replace(/\.$/, "");
  return name === "" || (bracketed !== undefined && isIP(bracketed) !== 6) ? undefined : name;
}

/**
 * Tells whether a `Host` header may be answered: an IP address, localhost, this machine's own name, and the names that
 * are given.
 */
export function hostCheck(names: readonly string[]): (header: string | undefined) => boolean {
  const own = hostname().toLowerCase();
  const allowed = new Set(["localhost", own, own.split(".")[0]!, `${own.split(".")[0]!}.local`, ...names.map(bare)]);
  return (header) => {
    const name = hostName(header);
    return name !== undefined && (allowed.has(name) || isIP(name) !== 0 || name.endsWith(".localhost"));
  };
}

function bare(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
}
