/** A modal dialog: the browser's own, with its focus and its Escape key. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../texts/texts.js";
import { Button } from "./button.js";

interface DialogProps {
  readonly title: string;
  readonly wide?: boolean;
  readonly onClose: () => void;
  /** What has the focus afterwards where that which had it before is gone. */
  readonly focusNext?: () => HTMLElement | null | undefined;
  readonly children: ComponentChildren;
}

/** Open as long as it is drawn. */
export function Dialog({ title, wide = false, onClose, focusNext, children }: DialogProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      // Once all is drawn: what was there before may go with the dialog.
      queueMicrotask(() => {
        const next = before?.isConnected ? before : focusNext?.();
        if (next instanceof HTMLElement) next.focus();
      });
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={wide ? "wide" : ""}
      aria-label={title}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) dialog.current?.close();
      }}
    >
      <div class="dialog-inner">
        <header>
          <h2>{title}</h2>
          <Button label={t.value.close} icon="close" bare onClick={() => dialog.current?.close()} />
        </header>
        {children}
      </div>
    </dialog>
  );
}
