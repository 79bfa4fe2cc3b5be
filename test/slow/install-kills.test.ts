// `model install` killed at 30 random moments goes on each time and ends with the same package. The seed is printed;
// COBRA_TEST_SEED takes another.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { openModelPackage } from "../../src/model/package.js";
import { CLI_PATH, runCli } from "../support/cli.js";
import { HubServer } from "../support/hub-server.js";
import { COBRA, PIXART, RELEASE, releaseCatalogue } from "../support/release-catalogue.js";

const KILLS = 30;
const seed = Number(process.env["COBRA_TEST_SEED"] ?? 18);

/** Numbers from 0 to 1 (mulberry32). */
function numbers(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

it.skipIf(process.env["COBRA_SLOW"] !== "1")(
  `killed ${KILLS} times (seed ${seed})`,
  { timeout: 3_600_000 },
  async () => {
    const root = await mkdtemp(join(tmpdir(), "cobra-install-kills-"));
    await using hub = await HubServer.start({
      hub: { [COBRA]: join(RELEASE, "cobra"), [PIXART]: join(RELEASE, "pixart") },
      files: { cobra: RELEASE },
    });
    await writeFile(join(root, "catalogue.json"), JSON.stringify(releaseCatalogue({ url: `${hub.url}/files/cobra/` })));
    const args = ["model", "install", "cobra", "--accept-licences"];
    const env = (name: string): Record<string, string> => ({
      HOME: join(root, name),
      XDG_DATA_HOME: join(root, name),
      HF_ENDPOINT: hub.url,
      COBRA_CATALOGUE: join(root, "catalogue.json"),
    });
    const began = performance.now();
    const whole = await runCli(args, undefined, env("whole"));
    const ms = performance.now() - began;
    const { hash } = await openModelPackage(whole.stdout.trim());

    const random = numbers(seed);
    const home = env("killed");
    const models = join(home["XDG_DATA_HOME"]!, "cobra-batch/models");
    const ends: string[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawn(process.execPath, [CLI_PATH, ...args], { env: { ...process.env, ...home }, stdio: "ignore" });
      const ended = once(child, "exit");
      const after = random() * ms;
      await Promise.race([sleep(after), ended]);
      child.kill("SIGKILL");
      await ended;
      const names = await readdir(join(models, "cobra")).catch((): string[] => []);
      ends.push(`${Math.round(after)} ms: ${names.join(" ") || "nothing yet"}`);
      if (!names.includes("1-fp32")) continue;
      expect((await openModelPackage(join(models, "cobra/1-fp32"))).hash).toBe(hash);
      await rm(models, { recursive: true }); // it got to its end: from the beginning
    }
    const last = await runCli(args, undefined, home);
    process.stdout.write(`${ends.join("\n")}\n`);
    expect(last.code).toBe(0);
    expect((await openModelPackage(last.stdout.trim())).hash).toBe(hash);
    expect(await readdir(models)).toEqual(["cobra"]);
    await rm(root, { recursive: true });
  },
);
