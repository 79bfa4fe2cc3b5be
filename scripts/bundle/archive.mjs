// Packs a folder into one .tar.gz, whole or in parts, and says what each part's SHA-256 is. The same folder gives the
// same bytes.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { createGzip } from "node:zlib";
import { SetupError } from "../lib/steps.mjs";

/** "60M" in bytes. @throws SetupError */
export function sizeInBytes(text) {
  const found = /^(\d+)([KMG])?$/.exec(text);
  const bytes = found ? Number(found[1]) * { undefined: 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[found[2]] : 0;
  if (bytes < 2 ** 20) throw new SetupError(`--split ${text}: must be a size of at least 1M, such as 60M`);
  return bytes;
}

class Parts {
  #open;
  #hash;
  #bytes = 0;
  #list = [];

  constructor(folder, archive, limit) {
    this.folder = folder;
    this.archive = archive;
    this.limit = limit;
  }

  async write(chunk) {
    for (let at = 0; at < chunk.length;) {
      if (this.#open === undefined) this.#begin();
      const piece = chunk.subarray(at, at + this.limit - this.#bytes);
      this.#hash.update(piece);
      if (!this.#open.write(piece)) await once(this.#open, "drain");
      this.#bytes += piece.length;
      at += piece.length;
      if (this.#bytes === this.limit) await this.end();
    }
  }

  #begin() {
    const name =
      this.limit === Infinity ? this.archive : `${this.archive}.${String(this.#list.length + 1).padStart(2, "0")}`;
    this.#list.push({ name });
    this.#open = createWriteStream(join(this.folder, name));
    this.#hash = createHash("sha256");
    this.#bytes = 0;
  }

  /** Ends the part that is open. @returns all parts: name, bytes, SHA-256 */
  async end() {
    if (this.#open !== undefined) {
      this.#open.end();
      await once(this.#open, "close");
      Object.assign(this.#list.at(-1), { bytes: this.#bytes, sha256: this.#hash.digest("hex") });
      this.#open = undefined;
    }
    return this.#list;
  }
}

/**
 * @param {string} parent holds the folder
 * @param {string} name of the folder, which the archive holds too
 * @param {string} into where the archive is written
 * @param {{archive: string, limit: number}} options `limit`: most bytes of a part; Infinity for one file
 */
export async function pack(parent, name, into, { archive, limit }) {
  const order = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--mode=u+w,go=rX"];
  const tar = spawn("tar", ["-c", ...order, "-f", "-", name], { cwd: parent, stdio: ["ignore", "pipe", "inherit"] });
  const parts = new Parts(into, archive, limit);
  const ended = once(tar, "close");
  for await (const chunk of tar.stdout.pipe(createGzip({ level: 6 }))) await parts.write(chunk);
  const [status] = await ended;
  if (status !== 0) throw new SetupError(`tar failed (exit code ${status})`);
  return parts.end();
}
