// What forms share: the texts of their fields, and a form in a dialog.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Modal, type ModalProps } from "./dialog";
import { Refusal } from "./field";
import type { Submission } from "./submit";

// The texts of fields, by the names of these.
export function useTexts(start: Record<string, string> = {}) {
  const [texts, setTexts] = useState(start);
  const text = (key: string) => texts[key] ?? "";
  return {
    text,
    some: (key: string) => text(key).trim() || undefined,
    words: (key: string) => wordsOf(text(key)),
    of: (key: string) => ({
      value: text(key),
      onInput: (value: string) => setTexts((before) => ({ ...before, [key]: value })),
    }),
  };
}

export const wordsOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

// While somebody writes, the last word may be one that has not begun.
export const wordsAsWritten = (text: string): string[] =>
  text.split(/[\s,]+/).filter((one, i, all) => one || i === all.length - 1);

// A number as one, and anything else as it is: the API says what is wrong with it.
export const numberOf = (text: string): number | string | undefined =>
  text === "" ? undefined : /^\d+$/.test(text) ? Number(text) : text;

interface FormDialogProps extends Omit<ModalProps, "children"> {
  sent: Pick<Submission, "busy" | "problem">;
  verb: string; // on the button that sends it
  onSubmit: () => void;
  children: ComponentChildren;
}

export function FormDialog({ sent, verb, onSubmit, children, ...modal }: FormDialogProps) {
  return (
    <Modal {...modal}>
      <form
        class={modal.drawer ? "dialog-body stack" : "stack"}
        onSubmit={(event) => (event.preventDefault(), onSubmit())}
        noValidate
      >
        {children}
        <Refusal text={sent.problem} />
        <div class="actions end">
          <button type="button" onClick={modal.onClose}>
            Cancel
          </button>
          <button class="primary" disabled={sent.busy}>
            {verb}
          </button>
        </div>
      </form>
    </Modal>
  );
}
