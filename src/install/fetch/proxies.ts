/** Chooses the proxy through which an address is reached, by the usual variables. */
import { BlockList, isIP, isIPv6 } from "node:net";
import { ConfigurationError, messageOf } from "../../errors.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, in lower or upper case. */
export class Proxies {
  readonly #http: URL | undefined;
  readonly #https: URL | undefined;
  readonly #exempt: readonly string[];

  /** @throws ConfigurationError `ERR_CONFIG` for a proxy's address that cannot be used */
  constructor(env: Environment) {
    const all = proxyOf(env, "all_proxy");
    this.#http = proxyOf(env, "http_proxy") ?? all;
    this.#https = proxyOf(env, "https_proxy") ?? all ?? this.#http;
    this.#exempt = (env["no_proxy"] || env["NO_PROXY"] || "").split(/[,\s]+/u).filter((entry) => entry !== "");
  }

  /** The proxy for an address; undefined: it is reached directly. */
  for(url: URL): URL | undefined {
    const proxy = url.protocol === "https:" ? this.#https : this.#http;
    return this.#exempt.some((entry) => exempts(entry.toLowerCase(), url)) ? undefined : proxy;
  }
}

/** Whether an entry of `no_proxy` covers an address: `*`, a host, a domain with or without a dot, an IP, a network. */
function exempts(entry: string, url: URL): boolean {
  if (entry === "*") return true;
  const host = bare(url.hostname.toLowerCase());
  const [name, port] = splitPort(entry);
  if (port !== undefined && port !== (url.port || (url.protocol === "https:" ? "443" : "80"))) return false;
  const [network, bits] = name.split("/");
  if (bits !== undefined) return isInNetwork(host, network!, Number(bits));
  const domain = name.replace(/^\*?\./u, "");
  return host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`));
}

/** An IPv6 address with a port stands in brackets; without one it may. */
function splitPort(entry: string): readonly [name: string, port?: string] {
  if (isIPv6(entry.split("/")[0]!)) return [entry];
  const [, bracketed, name = "", port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/u.exec(entry) ?? [];
  return port === undefined ? [bracketed ?? name] : [bracketed ?? name, port];
}

function isInNetwork(host: string, network: string, bits: number): boolean {
  const family = (address: string): "ipv4" | "ipv6" => (isIPv6(address) ? "ipv6" : "ipv4");
  if (isIP(host) === 0 || isIP(network) !== isIP(host)) return false;
  try {
    const list = new BlockList();
    list.addSubnet(network, bits, family(network));
    return list.check(host, family(host));
  } catch {
    return false; // a length that no network has
  }
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/u, "$1");
}

function proxyOf(env: Environment, name: string): URL | undefined {
  const value = env[name] || env[name.toUpperCase()];
  if (value === undefined || value === "") return undefined;
  const address = /^[a-z][a-z0-9+.-]*:\/\//iu.test(value) ? value : `http://${value}`;
  try {
    const url = new URL(address);
    if (url.protocol === "http:" || url.protocol === "https:") return url;
    throw new RangeError(`its kind is ${url.protocol.slice(0, -1)}`);
  } catch (cause) {
    // The value may hold a password, so it is not shown.
    const why = cause instanceof RangeError ? messageOf(cause) : "it is not an address";
    throw new ConfigurationError("ERR_CONFIG", `the proxy of the variable ${name} cannot be used (${why})`, {
      remedy: "give an address such as http://proxy.example:3128",
    });
  }
}
