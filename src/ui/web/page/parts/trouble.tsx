/** Shows an error beside what failed, with its remedy. It stays until it is solved or dismissed. */
import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useRef } from "preact/hooks";
import { isOfServer, troubleOf, type Trouble } from "../lib/api.js";
import { sentence } from "../lib/sentence.js";
import { t } from "../texts/texts.js";
import { Button } from "./button.js";
import { Icon } from "./icon.js";

interface TroubleBoxProps {
  readonly trouble: Pick<Trouble, "code" | "detail" | "remedy"> | undefined;
  readonly onRetry?: (() => void) | undefined;
  readonly onDismiss?: () => void;
  readonly children?: ComponentChildren;
}

/** Shows what went wrong. Messages of the server are English. */
export function TroubleBox({ trouble, onRetry, onDismiss, children }: TroubleBoxProps): JSX.Element | null {
  if (!trouble) return null;
  return (
    <div class="trouble" role="alert">
      <Icon name="warning" />
      <div class="trouble-text" lang={isOfServer(trouble) ? "en" : undefined}>
        <p>{sentence(trouble.detail)}</p>
        {trouble.remedy && <p class="remedy">{sentence(trouble.remedy)}</p>}
        <p class="code">{trouble.code}</p>
      </div>
      <div class="trouble-actions">
        {children}
        {onRetry && <Button label={t.value.retry} icon="refresh" onClick={onRetry} />}
        {onDismiss && <Button label={t.value.dismiss} icon="close" bare onClick={onDismiss} />}
      </div>
    </div>
  );
}

/** A thing to do that may fail. */
export interface Action {
  readonly busy: Signal<boolean>;
  readonly trouble: Signal<Trouble | undefined>;
  /** Does it; what fails is kept in `trouble`, with `again` to do it once more. True where it worked. */
  run(work: () => Promise<unknown>): Promise<boolean>;
  again(): void;
  dismiss(): void;
}

/** Keeps what a component does: whether it is under way, and what went wrong. */
export function useAction(): Action {
  const busy = useSignal(false);
  const trouble = useSignal<Trouble | undefined>(undefined);
  const last = useRef<(() => Promise<unknown>) | undefined>(undefined);
  const run = async (work: () => Promise<unknown>): Promise<boolean> => {
    last.current = work;
    busy.value = true;
    trouble.value = undefined;
    try {
      await work();
      return true;
    } catch (error) {
      trouble.value = troubleOf(error);
      return false;
    } finally {
      busy.value = false;
    }
  };
  return {
    busy,
    trouble,
    run,
    again: () => {
      if (last.current) void run(last.current);
    },
    dismiss: () => (trouble.value = undefined),
  };
}

/** What went wrong with an action. */
export function ActionTrouble({ action }: { readonly action: Action }): JSX.Element | null {
  return <TroubleBox trouble={action.trouble.value} onRetry={action.again} onDismiss={action.dismiss} />;
}
