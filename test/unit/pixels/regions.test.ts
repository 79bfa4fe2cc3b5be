/**
 * Regions of a page: by runs and in bytes the kernel gives what its plain definition gives, pixel by pixel in the order
 * of their distance to ink.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findRegions } from "../../../src/binding/pixels/regions.js";

/** What holds on pages up to 500 pixels a side. */
const [RADIUS, FAR, STRAIGHT, DIAGONAL] = [2, 255, 3, 4];

/** Black cells on white; with one-pixel cells it is noise. */
const pages = fc
  .record({
    width: fc.integer({ min: 1, max: 70 }),
    height: fc.integer({ min: 1, max: 70 }),
    cell: fc.integer({ min: 1, max: 7 }),
    share: fc.integer({ min: 0, max: 255 }),
    seed: fc.nat(),
  })
  .map(({ width, height, cell, share, seed }) => {
    let state = seed | 1;
    const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
    const across = Math.ceil(width / cell);
    const cells = Array.from({ length: across * Math.ceil(height / cell) }, () => (next() < share ? 0 : 255));
    return {
      width,
      height,
      channels: 1 as const,
      data: Uint8Array.from(
        { length: width * height },
        (_, i) => cells[Math.floor(Math.floor(i / width) / cell) * across + Math.floor((i % width) / cell)]!,
      ),
    };
  });

/** Steps to the nearest ink by Dijkstra's rule, relaxed until nothing changes. */
function distances(ink: readonly boolean[], width: number, height: number): number[] {
  const distance = ink.map((is) => (is ? 0 : FAR));
  for (let changed = true; changed;) {
    changed = false;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
          for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
            const by = distance[v * width + u]! + (u === x || v === y ? STRAIGHT : DIAGONAL);
            if (by < distance[y * width + x]!) [distance[y * width + x], changed] = [by, true];
          }
        }
      }
    }
  }
  return distance;
}

/** Left, right, above, below: places, or -1. */
const around = (i: number, width: number, count: number): number[] =>
  [
    i % width > 0 ? i - 1 : -1,
    i % width < width - 1 ? i + 1 : -1,
    i - width,
    i + width < count ? i + width : -1,
  ].filter((place) => place >= 0);

/** The definition in `native/pixels/regions.cc`, word by word. */
function plainRegions({ width, height, data }: { width: number; height: number; data: Uint8Array }): number[] {
  const ink = [...data].map((value) => value === 0);
  const distance = distances(ink, width, height);
  const [parent, peak] = [ink.map(() => -1), [...distance]];
  const root = (i: number): number => (parent[i] === i ? i : root(parent[i]!));
  const order = distance
    .map((_, i) => i)
    .filter((i) => !ink[i])
    .sort((a, b) => distance[b]! - distance[a]! || a - b);
  for (const i of order) {
    let own = -1;
    for (const place of around(i, width, data.length)) {
      if (parent[place]! < 0) continue;
      const other = root(place);
      if (own < 0) own = other;
      else if (
        other !== own &&
        !(distance[i]! <= STRAIGHT * RADIUS && 2 * distance[i]! < Math.min(peak[own]!, peak[other]!))
      ) {
        const [kept, gone] = peak[own]! >= peak[other]! ? [own, other] : [other, own];
        parent[gone] = kept;
        own = kept;
      }
    }
    parent[i] = own < 0 ? i : own;
  }
  const numbers = new Map<number, number>();
  let labels = ink.map((is, i) => {
    if (is) return -1;
    const of = root(i);
    if (!numbers.has(of)) numbers.set(of, numbers.size);
    return numbers.get(of)!;
  });
  for (let step = 0; step < RADIUS; step++)
    labels = labels.map((label, i) =>
      label >= 0
        ? label
        : (around(i, width, data.length)
            .map((place) => labels[place]!)
            .find((near) => near >= 0) ?? -1),
    );
  return labels.map((label, i) => (ink[i] && label >= 0 ? -2 - label : label));
}

describe("findRegions", () => {
  it("is the watershed of the distance to ink, at any size and density", () => {
    fc.assert(
      fc.property(pages, (page) => {
        expect([...findRegions(page, page.width, page.height).labels]).toEqual(plainRegions(page));
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});
