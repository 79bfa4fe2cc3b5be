// `kill -9` of a process that writes an output, before many operations on the disk: the same ones each time, or those
// that `npm run test:crash` draws.
import { ASKED_KILLS, ASKED_SEED } from "../support/kill-rounds.js";
import { testKilledOutput } from "../support/killed-output.js";

testKilledOutput(ASKED_KILLS || 12, ASKED_SEED ?? 1);
