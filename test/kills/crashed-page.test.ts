// A page that is in progress when its process ends by a fault of memory, or is killed.
import { testCrashedPage, testKilledPage } from "../support/crashed-page.js";

testKilledPage();
testCrashedPage([["SIGSEGV", "SIGSEGV", "decode"]]);
