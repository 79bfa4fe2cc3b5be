/** Cobra's page sizes: data only, so that worker threads do not load the code that builds models. */

/** The 15 page sizes of Cobra as [width, height] in pixels, in its order. */
export const COBRA_BUCKETS: readonly (readonly [width: number, height: number])[] = [
  [800, 800],
  ...[
    [768, 896],
    [704, 928],
    [672, 960],
    [640, 1024],
    [608, 1056],
    [576, 1088],
    [576, 1184],
  ].map(([width, height]) => [width!, height!] as const),
  ...[
    [896, 768],
    [928, 704],
    [960, 672],
    [1024, 640],
    [1056, 608],
    [1088, 576],
    [1184, 576],
  ].map(([width, height]) => [width!, height!] as const),
];
