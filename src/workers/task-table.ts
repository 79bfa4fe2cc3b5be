/** The type of a table of tasks: what a pool can ask for and a worker file can do. */

/**
 * A task: a function of plain data, whose payload and result can be cloned or transferred; typed arrays travel by
 * transfer.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- each task has a payload of its own
type Task = (payload: any) => unknown;

/** Tasks by name. */
export type TaskTable = Readonly<Record<string, Task>>;

/** What a task takes. */
export type TaskPayload<Tasks extends TaskTable, Name extends keyof Tasks> = Parameters<Tasks[Name]>[0];

/** What a task gives. */
export type TaskResult<Tasks extends TaskTable, Name extends keyof Tasks> = Awaited<ReturnType<Tasks[Name]>>;
