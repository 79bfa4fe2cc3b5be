// `kill -9` of a process that writes an output, before many operations on the disk: the same ones each time, or those
// that `npm run test:crash` draws.
import { testKilledOutput } from "../support/killed-output.js";

testKilledOutput(Number(process.env["COBRA_KILLS"] ?? 12), Number(process.env["COBRA_KILL_SEED"] ?? 1));
