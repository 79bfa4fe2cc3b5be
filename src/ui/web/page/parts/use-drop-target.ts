/** Makes an element take files that are dropped on it. */
import { useSignal, type ReadonlySignal } from "@preact/signals";
import { bringsFiles, droppedFiles } from "../data/dropped.js";

interface DropTarget {
  /** Whether files are held over it. */
  readonly over: ReadonlySignal<boolean>;
  /** For the element. */
  readonly events: {
    readonly onDragOver: (event: DragEvent) => void;
    readonly onDragLeave: () => void;
    readonly onDrop: (event: DragEvent) => void;
  };
}

export function useDropTarget(onFiles: (files: ReturnType<typeof droppedFiles>) => void): DropTarget {
  const over = useSignal(false);
  return {
    over,
    events: {
      onDragOver: (event) => {
        if (!bringsFiles(event)) return;
        event.preventDefault();
        over.value = true;
      },
      onDragLeave: () => (over.value = false),
      onDrop: (event) => {
        over.value = false;
        if (!event.dataTransfer || !bringsFiles(event)) return;
        event.preventDefault();
        onFiles(droppedFiles(event.dataTransfer));
      },
    },
  };
}
