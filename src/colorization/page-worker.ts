/** The worker file of the engine: the core tasks and the CPU stages of a page. */
import { serveTasks } from "../workers/serve-tasks.js";
import { CORE_HANDLERS } from "../workers/tasks.js";
import type { EngineTasks } from "./page-pool.js";
import { PAGE_TASKS } from "./page-tasks.js";

export default serveTasks<EngineTasks>({ ...CORE_HANDLERS, ...PAGE_TASKS });
