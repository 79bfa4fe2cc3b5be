// A page that aborts the process is quarantined after two crashes; its neighbours are not. Other crashes and kills:
// `npm run test:kills`.
import { testCrashedPage } from "../support/crashed-page.js";

testCrashedPage([["abort", "SIGABRT", "denoise"]]);
