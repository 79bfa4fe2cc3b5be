/**
 * A bundle in an empty root without network: a root folder that holds a shell, tar and gzip of busybox, the C library
 * and the bundle, and nothing else. Needs `COBRA_SLOW=1`, root, `unshare` and a static busybox (Debian's
 * `busybox-static`, or named by COBRA_BUSYBOX).
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BUSYBOX = [process.env["COBRA_BUSYBOX"], "/bin/busybox", "/usr/bin/busybox"].find(
  (path) => path !== undefined && existsSync(path),
);
/** Tools that `install.sh` says it needs, and what a shell script takes for granted. */
const TOOLS = ["sh", "tar", "gzip", "cat", "sha256sum", "cut", "awk", "df", "dirname", "readlink", "mkdir", "rm", "mv"];
const C_LIBRARY = ["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2"];
const isAble =
  process.env["COBRA_SLOW"] === "1" &&
  BUSYBOX !== undefined &&
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["-rnm", "true"]).status === 0;

function emptyRoot(folder: string, bundle: string): void {
  for (const path of ["bin", "lib64", "lib/x86_64-linux-gnu", "tmp", "proc", "dev", "user", "in"])
    mkdirSync(join(folder, path), { recursive: true });
  copyFileSync(BUSYBOX!, join(folder, "bin/busybox"));
  execFileSync("chmod", ["+x", join(folder, "bin/busybox")]);
  for (const tool of TOOLS) symlinkSync("busybox", join(folder, "bin", tool));
  copyFileSync("/lib64/ld-linux-x86-64.so.2", join(folder, "lib64/ld-linux-x86-64.so.2"));
  for (const name of C_LIBRARY)
    copyFileSync(join("/lib/x86_64-linux-gnu", name), join(folder, "lib/x86_64-linux-gnu", name));
  for (const name of readdirSync(bundle)) copyFileSync(join(bundle, name), join(folder, "in", name));
  copyFileSync(join(ROOT, "scripts/sample/chapter.cbz"), join(folder, "user/chapter.cbz"));
  for (const name of ["null", "urandom"]) writeFileSync(join(folder, "dev", name), "");
}

it.skipIf(!isAble)("a bundle installs itself and colours the sample chapter", { timeout: 1_800_000 }, () => {
  const home = mkdtempSync(join(tmpdir(), "cobra-bundle-"));
  const bundle = join(home, "bundle");
  execFileSync(process.execPath, [join(ROOT, "scripts/bundle.mjs"), "--split", "30M", "--to", bundle]);
  expect(readdirSync(bundle).length).toBeGreaterThan(2);
  const root = join(home, "root");
  emptyRoot(root, bundle);
  const inside = [
    "cd /user && export HOME=/user PATH=/bin",
    "sh /in/install.sh --to /user/cobra",
    "./cobra/cobra-batch doctor --json >doctor.json",
    "./cobra/cobra-batch colorize chapter.cbz --output-zip out.cbz",
  ].join(" && ");
  const mounts = ["null", "urandom"].map((name) => `mount --bind /dev/${name} ${root}/dev/${name}`).join(" && ");
  const script = `mount -t proc proc ${root}/proc && ${mounts} && exec chroot ${root} /bin/sh -c '${inside}'`;
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const ended = spawnSync("unshare", ["-rnm", "--fork", "--pid", "sh", "-c", script], { env, encoding: "utf8" });
  expect(ended.status, ended.stderr).toBe(0);
  expect(ended.stdout).toContain("installed: /user/cobra");
  expect(ended.stderr).toContain("5 of 5 pages coloured");
  // The root has no C++ runtime, so the bundle's own is in use.
  expect(readdirSync(join(root, "user/cobra/lib"))).toContain("in-use");
  rmSync(home, { recursive: true });
});
