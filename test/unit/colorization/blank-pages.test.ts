/** Pages without any ink: whatever the model gives, the paper keeps its own colour. */
import { describe, expect, it } from "vitest";
import { toGray, type PixelImage } from "../../../src/binding/pixels/pixels.js";
import { isBlank } from "../../../src/colorization/page/blank-page.js";
import { composeInk, composeLayers } from "../../../src/colorization/tasks/compose-ink.js";
import { drawn, noise, pixel, type Color, type Picture } from "../../support/drawn-page.js";

const VIVID: Color = [230, 60, 40];
const model = drawn(60, 80, () => VIVID);

function paper(color: Color, grain = 0): Picture {
  const random = noise(3);
  return drawn(120, 160, () => {
    const shift = Math.round((random.next().value - 0.5) * 2 * grain);
    return color.map((value) => value + shift) as unknown as Color;
  });
}

describe("a blank page beside a vivid reference", () => {
  const PAGES: [what: string, page: Picture][] = [
    ["white", paper([255, 255, 255])],
    ["off-white, with a scanner's noise", paper([238, 226, 200], 8)],
    ["gray, with noise", paper([128, 128, 128], 8)],
    ["black", paper([0, 0, 0])],
  ];

  for (const fill of ["flat", "model"] as const) {
    it.each(PAGES)(`%s: stays as it is (fill ${fill})`, (_what, page) => {
      expect(isBlank(page)).toBe(true);
      const out = composeInk({ page: { ...page, data: new Uint8Array(page.data) }, picture: model, fill });
      expect(Buffer.compare(out.data, page.data)).toBe(0);
      const layers = composeLayers({ page, picture: model, fill });
      expect(Buffer.compare(layers.image.data, page.data)).toBe(0);
      expect(isBlank(layers.color)).toBe(true);
    });
  }

  it("kept gray in memory too", () => {
    const page = toGray(paper([238, 238, 238], 8)) as PixelImage<1>;
    const { data } = composeInk({ page, picture: model, fill: "flat" });
    expect(data.every((value, i) => value === page.data[Math.trunc(i / 3)])).toBe(true);
  });

  it("with one short line it is a drawing, and gets its colour", () => {
    const page = drawn(120, 160, (x, y) => (y === 80 && x > 50 && x < 70 ? 0 : 255));
    expect(isBlank(page)).toBe(false);
    expect(pixel(composeInk({ page, picture: model, fill: "flat" }) as Picture, 10, 10)).not.toEqual([255, 255, 255]);
  });

  it("a hint on it is a wish, and is met", () => {
    const page = paper([255, 255, 255]);
    const hints: PixelImage<4> = { width: 1, height: 1, channels: 4, data: new Uint8Array([40, 90, 200, 255]) };
    expect(pixel(composeInk({ page, picture: model, fill: "flat", hints }) as Picture, 60, 80)).toEqual([40, 90, 200]);
  });
});
