/** Offers to someone who wants other colours: never a setting that is in effect already, or one without effect. */
import { describe, expect, it } from "vitest";
import { refuseIfNothingChanges, whatHelps, type OfferedFor } from "../../../../src/ui/cli/actions/what-helps.js";

const oneStep = { prediction: "sample", references: "whole", scheduler: { maxSteps: 1 } } as const;
const batch: OfferedFor = { seed: 0, ink: "page" };
const fill = (value: "flat" | "model"): OfferedFor => ({ ...batch, fill: value });
const modelInk: OfferedFor = { ...fill("flat"), ink: "model" };

describe.each(["flat", "model"] as const)("offers of a model without a seed, whose fill is %s", (own) => {
  const { offers } = whatHelps({ ...oneStep, fill: own }, batch);

  it("are never in effect, whatever pages have", () => {
    const kinds = [batch, fill("flat"), fill("model"), modelInk];
    for (const pages of [...kinds.map((one) => [one]), [batch, fill("model")], [fill("flat"), modelInk], kinds]) {
      const given = offers(pages);
      expect(given.length).toBeGreaterThan(0);
      const { fill: last = own, ink } = pages.at(-1)!;
      for (const offer of given) {
        expect([`fill=${last}`, `ink=${ink}`]).not.toContain(offer);
        if (ink === "model") expect(offer).toBe("ink=page"); // a picture with the model's ink has no fill
      }
    }
  });

  it("are about the batch where no page is known", () => {
    expect(offers()).toEqual([`fill=${own === "flat" ? "model" : "flat"}`, "ink=model"]);
  });
});

it("finds a setting that none of several pages has", () => {
  const { offers } = whatHelps({ ...oneStep, fill: "flat" }, batch);
  expect(offers([fill("flat"), fill("model")])).toEqual(["ink=model"]);
  expect(offers([modelInk, fill("model")])).toEqual(["fill=flat", "ink=model"]); // there is none: of the last page
});

it("offers a seed that no page has where the model takes one", () => {
  const { offers } = whatHelps({ prediction: "epsilon", references: "quadrants", scheduler: {}, fill: "model" }, batch);
  expect(offers([{ ...batch, seed: 7 }, batch])[0]).toBe("seed=8");
});

it("says in a refusal what the pages do not have", () => {
  const help = whatHelps({ ...oneStep, fill: "flat" }, batch);
  expect(() => refuseIfNothingChanges(help, { seed: 4 }, [fill("model")])).toThrow(
    /nothing would change: .*--set fill=flat, --set ink=model or/,
  );
  expect(() => refuseIfNothingChanges(help, {}, [modelInk])).toThrow(/referenceDir=DIR\), --set ink=page or another/);
  expect(() => refuseIfNothingChanges(help, { fill: "model" }, [batch])).not.toThrow();
});
