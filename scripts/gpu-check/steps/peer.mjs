// The peer: PyTorch on the same device, with the same shapes.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "../../lib/steps.mjs";
import { Skip } from "../verdict.mjs";
import { said } from "./machine.mjs";

export async function torch({ device, python, size, bucket, topK, compile = false, steps }, emit) {
  if (said(python, ["-c", "import torch"], 60) === undefined)
    throw new Skip(`${python} has no PyTorch; name a Python that has it with --python`);
  const args = Object.entries({
    device,
    size,
    width: bucket.width,
    height: bucket.height,
    "top-k": topK,
    steps,
  }).flatMap(([name, value]) => [`--${name}`, String(value)]);
  if (compile) args.push("--compile");
  args.unshift(join(ROOT, "bench/peers/bench.py"));
  const child = spawn(python, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PYTHONUNBUFFERED: "1" },
  });
  const ended = new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const { figure, value, unit } = JSON.parse(line);
    emit(figure, value, unit);
  }
  const code = await ended;
  if (code !== 0) throw new Error(`the peer ended with exit code ${code}`);
}
