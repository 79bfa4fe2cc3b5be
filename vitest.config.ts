// The test layers and how they run; `test/README.md` says which layer a test belongs to.
import { defineConfig } from "vitest/config";

/** Files of these layers share a process, so that each loads the modules once; the others get one each. */
const SHARED = ["test/unit/**/*.test.ts", "test/golden/**/*.test.ts"];

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    globalSetup: ["test/support/global-setup.ts"],
    setupFiles: ["test/support/fixed-seed.ts"],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    reporters: ["default"],
    // Run in the order of their names: the long files first.
    projects: [
      { extends: true, test: { name: "processes", include: ["test/**/*.test.ts"], exclude: SHARED } },
      { extends: true, test: { name: "units", include: SHARED, isolate: false } },
    ],
  },
});
