// The test layers and how they run; `test/README.md` says which layer a test belongs to.
import { defineConfig } from "vitest/config";

/** Files of these layers share two processes, so that each loads the modules once. */
const SHARED = ["test/unit/**/*.test.ts", "test/golden/**/*.test.ts"];

/** Files of these layers get a process each. */
const APART = ["corpora", "e2e", "native", "slow"].map((layer) => `test/${layer}/**/*.test.ts`);

/**
 * Of the shared layers, but they measure their process or set up what belongs to all of it: memory, sessions, logging,
 * the clock.
 */
const ALONE = [
  "test/unit/io/archive/hostile-archives.test.ts",
  "test/unit/io/files/large-files.test.ts",
  "test/unit/io/image/image-codec.test.ts",
  "test/unit/io/names/natural-order.test.ts",
  "test/unit/io/page-sink.test.ts",
  "test/unit/logging/log-files.test.ts",
  "test/unit/logging/logging.test.ts",
  "test/unit/pixels/pixels.test.ts",
  "test/unit/workers/pool.test.ts",
];

/** Layers that take long: `npm run test:NAME`. */
const BY_THEMSELVES = ["browser", "command", "devices", "kills", "server", "shipped", "teardown"];

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    globalSetup: ["test/support/global-setup.ts"],
    setupFiles: ["test/support/cpu-seconds.ts", "test/support/fixed-seed.ts"],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // Whatever a test waits for may take long on a busy machine.
    expect: { poll: { timeout: 60_000, interval: 20 } },
    reporters: ["default"],
    // Run in the order of their names: the long files first. Those of `BY_THEMSELVES` have scripts.
    projects: [
      { extends: true, test: { name: "alone", include: [...APART, ...ALONE] } },
      ...BY_THEMSELVES.map((name) => ({
        extends: true as const,
        test: { name, include: [`test/${name}/**/*.test.ts`] },
      })),
      { extends: true, test: { name: "shared", include: SHARED, exclude: ALONE, isolate: false } },
    ],
  },
});
