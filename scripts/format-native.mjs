// `npm run format:native`: lays out native/ by .clang-format.
import { ensurePackages } from "./lib/setup.mjs";
import { main, SetupError } from "./lib/steps.mjs";

await main(async () => {
  ensurePackages();
  const { formatNative } = await import("./lib/native-style.mjs");
  const faults = await formatNative({ write: true });
  if (faults.length > 0) throw new SetupError(faults.join("\n"));
});
