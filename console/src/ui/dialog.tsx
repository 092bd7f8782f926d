// Dialogs and drawers on the browser's own <dialog>, which keeps the focus and knows Escape.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { sentenceOf } from "../api/client";
import { Refusal } from "./field";
import { Icon } from "./icon";

export interface ModalProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  drawer?: boolean;
  wide?: boolean;
}

export function Modal({ title, onClose, children, drawer, wide }: ModalProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = ref.current!;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  const onBackdrop = (event: MouseEvent) => {
    if (event.target === ref.current) onClose();
  };
  return (
    <dialog
      ref={ref}
      class={`${drawer ? "drawer" : "modal"}${wide ? " wide" : ""}`}
      aria-labelledby={heading}
      onCancel={(event) => (event.preventDefault(), onClose())}
      onClick={onBackdrop}
    >
      <div class="dialog-box">
        <header>
          <h2 id={heading}>{title}</h2>
          <button type="button" class="quiet icon-only" onClick={onClose} aria-label="Close">
            <Icon name="cross" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

export const Dialog = (props: Omit<ModalProps, "drawer">) => <Modal {...props} />;
export const Drawer = (props: Omit<ModalProps, "drawer">) => <Modal {...props} drawer />;

export interface Question {
  title: string;
  body: ComponentChildren; // what will happen, in sentences
  confirm: string; // a verb: "Delete web"
  dangerous?: boolean;
  act: () => Promise<unknown>;
}
const asked = signal<(Question & { done: (acted: boolean) => void }) | null>(null);

// Resolves when it was done, or was called off. What act() throws is shown in the dialog.
export function confirm(question: Question): Promise<boolean> {
  return new Promise((done) => (asked.value = { ...question, done }));
}

function Confirmation({ question }: { question: NonNullable<(typeof asked)["value"]> }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const end = (acted: boolean) => {
    asked.value = null;
    question.done(acted);
  };
  const act = async () => {
    setBusy(true);
    try {
      await question.act();
      end(true);
    } catch (error) {
      setProblem(sentenceOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={question.title} onClose={() => end(false)}>
      <div class="dialog-body">{question.body}</div>
      <Refusal text={problem} />
      <footer class="actions end">
        <button onClick={() => end(false)}>Cancel</button>
        <button class={question.dangerous ? "danger" : "primary"} disabled={busy} onClick={act}>
          {question.confirm}
        </button>
      </footer>
    </Dialog>
  );
}

export function Confirmations() {
  return asked.value ? <Confirmation question={asked.value} /> : null;
}
