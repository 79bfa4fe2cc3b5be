/** The address that is printed, and roots as they are typed. */
import { realpathSync, statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { basename, resolve } from "node:path";
import { isIPv6 } from "node:net";
import { ConfigurationError } from "../../../errors.js";

/** Where a browser on another machine finds a server that listens on all addresses. */
export function reachableHost(host: string): string {
  if (host !== "0.0.0.0" && host !== "::") return host;
  const family = host === "::" ? "IPv6" : "IPv4";
  const outer = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find((one) => !one.internal && one.family === family && !one.address.startsWith("fe80:"));
  return outer?.address ?? (family === "IPv6" ? "::1" : "127.0.0.1");
}

/** An address for a browser. */
export function urlOf(host: string, port: number, token: string | undefined): string {
  const name = isIPv6(host) ? `[${host}]` : host;
  return `http://${name}:${port}/${token === undefined ? "" : `?token=${encodeURIComponent(token)}`}`;
}

/**
 * Roots by name, from `NAME=DIR` or `DIR`, whose name is the folder's.
 * @returns real paths
 * @throws ConfigurationError `ERR_CONFIG` for what is no folder, and for a name that is given twice
 */
export function parseRoots(given: readonly string[]): Map<string, string> {
  const roots = new Map<string, string>();
  for (const text of given) {
    const [, named, folder = text] = /^([^/=]+)=(.+)$/s.exec(text) ?? [];
    const path = realFolder(folder, text);
    const name = named ?? (basename(path) || "root");
    if (roots.has(name))
      throw new ConfigurationError("ERR_CONFIG", `--root: two folders are named ${JSON.stringify(name)}`, {
        remedy: `give one of them another name, such as --root other=${folder}`,
      });
    roots.set(name, path);
  }
  return roots;
}

function realFolder(folder: string, text: string): string {
  try {
    const path = realpathSync(resolve(folder));
    if (statSync(path).isDirectory()) return path;
  } catch {
    // said below
  }
  throw new ConfigurationError(
    "ERR_CONFIG",
    `--root: must be a folder that exists, or NAME=FOLDER, not ${JSON.stringify(text)}`,
  );
}
