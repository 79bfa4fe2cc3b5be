// `kill -9` of a process that writes an output, at four operations on the disk. More of them: `npm run test:kills`.
import { testKilledOutput } from "../support/killed-output.js";

testKilledOutput(4, 1);
