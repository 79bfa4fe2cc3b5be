// Which config entries the sessions of an engine are opened with.
import { expect, it } from "vitest";
import type { SessionOptions } from "../../../../src/binding/index.js";
import { Networks } from "../../../../src/colorization/networks/networks.js";
import { openModelPackage } from "../../../../src/model/package.js";
import { TINY_MODEL } from "../../../support/shared-models.js";

const SPINNING = "session.intra_op.allow_spinning";

it.each<[string, SessionOptions, string]>([
  ["do not spin while they wait", {}, "0"],
  ["spin where the caller says so", { config: { [SPINNING]: "1" } }, "1"],
  ["keep other entries", { config: { "session.set_denormal_as_zero": "1" } }, "0"],
])("threads of the networks %s", async (_what, options, expected) => {
  const seen: unknown[] = [];
  await using networks = new Networks(await openModelPackage(TINY_MODEL), options, {
    openNetwork: (_graph, _file, given) => {
      seen.push(given.config);
      return Promise.reject(new Error("not opened"));
    },
  });
  await expect(networks.session("denoiser", "line")).rejects.toThrow("not opened");
  expect(seen).toEqual([{ ...options.config, [SPINNING]: expected }]);
});
