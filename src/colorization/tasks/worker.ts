/** The entry file of a worker thread: it serves the tasks of the table. */
import { serveTasks } from "../../workers/serve-tasks.js";
import { TASKS } from "./table.js";

export default serveTasks(TASKS);
