// How fast the window scrolls while something is dragged near its edges.
import { describe, expect, it } from "vitest";
import { edgeSpeed } from "../../../../src/ui/web/page/parts/edge-speed.js";

describe("scrolling while something is dragged", () => {
  it("rests in the middle, and is the faster the nearer the edge", () => {
    expect(edgeSpeed(430, 860)).toBe(0);
    expect(edgeSpeed(96, 860)).toBe(0);
    expect(edgeSpeed(764, 860)).toBe(0);
    expect(edgeSpeed(40, 860)).toBeLessThan(0);
    expect(edgeSpeed(10, 860)).toBeLessThan(edgeSpeed(40, 860));
    expect(edgeSpeed(840, 860)).toBeGreaterThan(edgeSpeed(800, 860));
    expect(edgeSpeed(800, 860)).toBeGreaterThan(0);
  });

  it("has a fastest speed, also outside the window, and a middle in a low window", () => {
    expect(edgeSpeed(-50, 860)).toBe(edgeSpeed(0, 860));
    expect(edgeSpeed(900, 860)).toBe(edgeSpeed(860, 860));
    expect(edgeSpeed(50, 100)).toBe(0);
  });
});
