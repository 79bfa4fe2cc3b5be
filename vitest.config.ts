// The test layers and how they run; `test/README.md` says which layer a test belongs to.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    setupFiles: ["test/support/fixed-seed.ts"],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    reporters: ["default"],
  },
});
