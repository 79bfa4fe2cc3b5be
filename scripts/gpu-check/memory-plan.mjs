// `node scripts/gpu-check/memory-plan.mjs PACKAGE`: what a package takes on cards of some sizes, by the engine's own
// estimate, as the table of docs/gpu.md.
import { loadModule } from "../lib/modules.mjs";

const CARDS_GB = [8, 12, 16, 24, 80];
/** Taken by the driver's context, cuBLAS and cuDNN; assumed, not measured. */
const CONTEXT_BYTES = 0.8e9;
const SIZE = [640, 1024];
const TOP_KS = [3, 20];

const { openModelPackage } = await loadModule("model/package.js");
const { modelRequirements } = await loadModule("model/requirements.js");
const { GRAPHS } = await loadModule("model/graph-names.js");
const { PageMemory } = await loadModule("colorization/page-memory.js");

const model = await openModelPackage(process.argv[2], { verify: false });
const needs = new PageMemory(model);
const { weightBytes } = modelRequirements(model, "cuda");
const gb = (bytes) => (bytes / 1e9).toFixed(bytes < 1e8 ? 2 : 1);
const upsampler = needs.networkBytes(SIZE, 3, ["guided_upsampler"]);
const rows = TOP_KS.flatMap((topK) => {
  const all = needs.sharedBytes(SIZE, topK);
  const page = needs.referenceBytes(SIZE, topK);
  return [
    { name: `top-k ${topK}, page's ink`, shared: all - upsampler, page },
    { name: `top-k ${topK}, upsampler`, shared: all, page },
  ];
});
const lines = [
  `weights ${gb(weightBytes)} GB, driver and libraries ${gb(CONTEXT_BYTES)} GB (assumed)`,
  ...rows.map(({ name, shared, page }) => `${name}: activations ${gb(shared)} GB, a page's references ${gb(page)} GB`),
  ...GRAPHS.map(
    (graph) => `${graph}: ${TOP_KS.map((topK) => gb(needs.networkBytes(SIZE, topK, [graph]))).join(" and ")} GB`,
  ),
  "",
  `| card | ${rows.map(({ name }) => name).join(" | ")} |`,
  `|---|${rows.map(() => "---").join("|")}|`,
  ...CARDS_GB.map((card) => {
    const cells = rows.map(({ shared, page }) => {
      const left = card * 1e9 - CONTEXT_BYTES - weightBytes - shared;
      return left < page ? `none, ${gb(page - left)} GB short` : `${Math.floor(left / page)}`;
    });
    return `| ${card} GB | ${cells.join(" | ")} |`;
  }),
];
process.stdout.write(`${lines.join("\n")}\n`);
