/**
 * The token: what a client has to know where the server listens beyond this machine. Programs send it as
 * `Authorization: Bearer`; browsers show it once, as `/?token=…`, and then hold a cookie that scripts cannot read.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { ConfigurationError } from "../../../errors.js";
import { RequestError } from "./request-error.js";

/** Shorter tokens could be guessed. */
const LEAST_TOKEN_LENGTH = 16;
const MINUTE_MS = 60_000;
/** Addresses whose wrong tokens are remembered. */
const REMEMBERED = 10_000;

/** A token that cannot be guessed. */
export function newToken(): string {
  return randomBytes(24).toString("base64url");
}

/** @throws ConfigurationError `ERR_CONFIG` for a token that could be guessed, or that no header can hold */
export function checkToken(token: string): string {
  if (token.length >= LEAST_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new ConfigurationError(
    "ERR_CONFIG",
    `--token: must have ${LEAST_TOKEN_LENGTH} characters or more, letters, digits and signs without spaces`,
    { remedy: "leave it out, and one is made" },
  );
}

/** Tells who may come in. */
export class TokenCheck {
  readonly #token: string;
  readonly #mostWrong: number;
  readonly #key = randomBytes(32);
  /** Wrong tokens of each address in this minute. */
  readonly #wrong = new Map<string, number>();
  #minute = 0;

  /** @param mostWrong wrong tokens that an address may send in a minute */
  constructor(token: string, mostWrong: number) {
    this.#token = token;
    this.#mostWrong = mostWrong;
  }

  /** Name of the cookie: servers on other ports of this host have others. */
  get cookieName(): string {
    return `cobra-batch-${createHmac("sha256", this.#token).update("name").digest("hex").slice(0, 8)}`;
  }

  /** What the cookie holds: made of the token, and the token cannot be made of it. */
  get cookie(): string {
    return createHmac("sha256", this.#token).update("cobra-batch cookie").digest("base64url");
  }

  /**
   * Lets a request in.
   * @param cookie value of the server's cookie
   * @throws RequestError 401 without the right token or cookie, 429 after too many wrong ones
   */
  admit(client: string, { authorization }: IncomingHttpHeaders, cookie: string | undefined): void {
    const [, bearer] = /^Bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
    if (bearer !== undefined) return this.admitToken(client, bearer);
    if (cookie !== undefined && this.#same(cookie, this.cookie)) return;
    throw this.#refused("the request has no token: send it as Authorization: Bearer, or open /?token=… in the browser");
  }

  /** The same for a token in the address. */
  admitToken(client: string, token: string): void {
    const now = Math.floor(Date.now() / MINUTE_MS);
    if (now !== this.#minute || this.#wrong.size > REMEMBERED) this.#wrong.clear();
    this.#minute = now;
    const wrong = this.#wrong.get(client) ?? 0;
    if (wrong >= this.#mostWrong)
      throw new RequestError(429, "ERR_ACCESS", `${client} has sent ${wrong} wrong tokens; wait a minute`, {
        "retry-after": "60",
      });
    if (this.#same(token, this.#token)) return;
    this.#wrong.set(client, wrong + 1);
    throw this.#refused("the token is wrong; the server prints the right one when it starts");
  }

  /** Compares in a time that tells nothing. */
  #same(given: string, right: string): boolean {
    const hash = (text: string): Buffer => createHmac("sha256", this.#key).update(text).digest();
    return timingSafeEqual(hash(given), hash(right));
  }

  #refused(message: string): RequestError {
    return new RequestError(401, "ERR_ACCESS", message, { "www-authenticate": "Bearer" });
  }
}
