// A page that is in progress when its process aborts, ends by a fault of memory, or is killed.
import { testCrashedPage, testKilledPage } from "../support/crashed-page.js";

testKilledPage();
testCrashedPage([
  ["abort", "SIGABRT", "denoise"],
  ["SIGSEGV", "SIGSEGV", "decode"],
]);
