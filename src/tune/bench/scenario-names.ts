/**
 * The scenarios of `bench` and what each is held against. Nothing is imported here, so that flags can be defined by it.
 */

/** The floor of each scenario. */
export const FLOORS = {
  decode: "sharp decoding the same files, as many at once as there are cores",
  classify: "sharp decoding the same files, as many at once as there are cores",
  ink: "sharp enlarging the model's picture and multiplying it with the page",
  encode: "sharp encoding the same pictures as PNG, as many at once as there are cores",
  archive: "the same bytes as one plain file, written and synced",
  run: "the sum of the network runs of the same batch",
  null: "decoding, ink and encoding of the same pages by the worker threads alone",
} as const;

/** The name of a scenario. */
export type ScenarioName = keyof typeof FLOORS;

/** In the order in which they are run. */
export const SCENARIOS = Object.keys(FLOORS) as readonly ScenarioName[];
