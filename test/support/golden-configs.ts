/** The golden cases' constructor arguments (names of the original code) as configs of this project. */
import type { LineExtractorConfig } from "../../src/model/networks/line-extractor.js";

type Raw = Record<string, unknown>;

export function lineExtractorConfig(raw: Raw): LineExtractorConfig {
  return {
    channels: raw["channels"] as number[],
    downRepetitions: raw["down_reps"] as number[],
    upRepetitions: raw["up_reps"] as number[],
    lastChannels: raw["last_channels"] as number,
    lastRepetitions: raw["last_reps"] as number,
  };
}
