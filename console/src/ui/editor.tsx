// An object as a form with its YAML beside it, each following the other; then the plan; then it is applied.
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { ApiError, apply, type Results, sentenceOf, type Violation } from "../api/client";
import type { AnyObject } from "../api/kinds";
import { learn } from "../api/store";
import { Dialog } from "./dialog";
import { Refusal } from "./field";
import { Icon } from "./icon";
import { Plan } from "./plan";
import type { Change } from "./schema_form";
import { withValue } from "./schema";
import { toast } from "./toast";
import { changeYaml, parseYaml, printYaml } from "./yaml";
import { YamlEditor } from "./yaml_editor";

export interface FormOf<T> {
  value: T;
  violations: readonly Violation[];
  onChange: Change;
}

interface EditorProps<T extends AnyObject> {
  start: T;
  others?: (value: T) => AnyObject[]; // objects that are applied with it
  children: (form: FormOf<T>) => ComponentChildren;
  verb: string; // "Create load balancer"
  onDone: (value: T) => void;
}

// What clients write of an object.
export function writable<T extends AnyObject>(object: T): T {
  const { name, labels, annotations } = object.metadata;
  const metadata = { name, ...(labels && { labels }), ...(annotations && { annotations }) };
  return { kind: object.kind, metadata, spec: object.spec } as T;
}

// The API counts the objects of an apply: "objects[0].spec..." is about the first.
function violationsOf(error: unknown): Violation[] {
  if (!(error instanceof ApiError)) return [];
  return error.violations
    .filter((one) => !/^(objects)?\[[1-9]/.test(one.field))
    .map((one) => ({ ...one, field: one.field.replace(/^(objects)?\[0\]\.?/, "") }));
}

export function Editor<T extends AnyObject>({
  start,
  others = () => [],
  children,
  verb,
  onDone,
}: EditorProps<T>) {
  const [text, setText] = useState(() => printYaml(start));
  const [value, setValue] = useState(start);
  const [violations, setViolations] = useState<Violation[]>([]);
  const [problem, setProblem] = useState("");
  const [plan, setPlan] = useState<Results | null>(null);
  const [busy, setBusy] = useState(false);
  const [yamlShown, setYamlShown] = useState(() => innerWidth > 1100);
  const parsed = useMemo(() => parseYaml(text), [text]);

  const onChange: Change = (path, next) => {
    const changed = withValue(value, path, next);
    setValue(changed);
    setText(changeYaml(text, changed));
  };
  const onText = (next: string) => {
    setText(next);
    const read = parseYaml(next);
    if (!read.error && typeof read.value === "object" && read.value !== null) setValue(read.value as T);
  };
  const attempt = async (act: () => Promise<void>) => {
    setBusy(true);
    setProblem("");
    try {
      await act();
      setViolations([]);
    } catch (error) {
      const found = violationsOf(error);
      setViolations(found);
      setPlan(null);
      setProblem(
        found.length > 1 ? found.map((one) => `${one.field}: ${one.message}`).join("\n") : sentenceOf(error),
      );
    } finally {
      setBusy(false);
    }
  };
  const objects = () => [value, ...others(value)];
  const onPlan = () => attempt(async () => setPlan(await apply(objects(), { dry_run: true, edges: true })));
  const onApply = () =>
    attempt(async () => {
      await apply(objects());
      learn({ ...value, metadata: { ...value.metadata } });
      setPlan(null);
      toast(`${value.kind} ${value.metadata.name} is applied.`);
      onDone(value);
    });
  const changes = plan?.results.some((one) => one.result !== "unchanged") ?? false;
  return (
    <form
      class={`editor ${yamlShown ? "with-yaml" : ""}`}
      noValidate
      onSubmit={(event) => (event.preventDefault(), void onPlan())}
    >
      <div class="editor-form">{children({ value, violations, onChange })}</div>
      {yamlShown && (
        <aside class="editor-yaml" aria-label="YAML">
          <div class="editor-yaml-head">
            <h2>YAML</h2>
            <span class="faint">follows the form, and the form follows it</span>
          </div>
          <YamlEditor text={text} error={parsed.error} onInput={onText} />
        </aside>
      )}
      <div class="editor-foot">
        {problem && (
          <p class="problem" role="alert">
            <Icon name="warn" size={15} /> <span class="lines-kept">{problem}</span>
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={() => setYamlShown(!yamlShown)} aria-pressed={yamlShown}>
            <Icon name="terminal" size={15} /> YAML
          </button>
          <button class="primary" disabled={busy || parsed.error !== null}>
            Review changes
          </button>
        </div>
      </div>
      {plan && (
        <Dialog title="Review changes" onClose={() => setPlan(null)} wide>
          <div class="dialog-body">
            <Plan plan={plan} />
          </div>
          <Refusal text={problem} />
          <footer class="actions end">
            <button type="button" onClick={() => setPlan(null)}>
              Back
            </button>
            <button type="button" class="primary" disabled={busy || !changes} onClick={onApply}>
              {verb}
            </button>
          </footer>
        </Dialog>
      )}
    </form>
  );
}
