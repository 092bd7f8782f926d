// A rollout: objects as they shall be, pasted or written, and how they reach the edges.
import { useState } from "preact/hooks";
import { navigate } from "../../app/router";
import type { Kinds } from "../../api/kinds";
import { Editor, type FormOf } from "../../ui/editor";
import { messagesFor, TextField } from "../../ui/field";
import { Card, PageHead } from "../../ui/page";
import { SpecForm } from "../../ui/schema_form";
import { parseYaml, printYaml } from "../../ui/yaml";
import { YamlEditor } from "../../ui/yaml_editor";

type Rollout = Kinds["rollouts"];

const example = [
  { kind: "Service", metadata: { name: "web" }, spec: { endpoints: [{ address: "192.0.2.2:80" }] } },
];
const fresh = (): Rollout =>
  ({ kind: "Rollout", metadata: { name: "" }, spec: { changes: example } }) as unknown as Rollout;

export default function NewRollout() {
  return (
    <>
      <PageHead
        title="New rollout"
        back={{ href: "/rollouts", label: "Rollouts" }}
        lead="The objects are written once, at the end. Until then, the edges of the waves that have begun have them so."
      />
      <Editor start={fresh()} verb="Begin" onDone={(value) => navigate(`/rollouts/${value.metadata.name}`)}>
        {(form) => <Form form={form} />}
      </Editor>
    </>
  );
}

// Documents one after the other, or a list, as weir apply takes them.
function parseChanges(text: string) {
  const parsed = text
    .split(/^---\s*$/m)
    .filter((one) => one.trim())
    .map(parseYaml);
  const wrong = parsed.find((one) => one.error);
  return { error: wrong?.error ?? null, value: parsed.flatMap((one) => one.value) };
}

function Form({ form }: { form: FormOf<Rollout> }) {
  const { value, violations, onChange } = form;
  const [text, setText] = useState(() => printYaml(value.spec?.changes ?? []));
  const { error } = parseChanges(text);
  const onText = (next: string) => {
    setText(next);
    const read = parseChanges(next);
    if (!read.error) onChange(["spec", "changes"], read.value);
  };
  const wrong = messagesFor(violations, "spec.changes", true);
  return (
    <>
      <Card title="What changes">
        <div class="stack small">
          <div class="fields">
            <TextField
              label="Name"
              value={value.metadata.name ?? ""}
              required
              onInput={(next) => onChange(["metadata", "name"], next)}
              messages={messagesFor(violations, "metadata.name")}
              help="of this rollout: each has a new one"
            />
            <TextField
              label="Bake"
              value={value.spec?.bake ?? ""}
              placeholder="30s"
              onInput={(next) => onChange(["spec", "bake"], next || undefined)}
              messages={messagesFor(violations, "spec.bake")}
              help="how long the gates must hold before the next wave"
            />
          </div>
          <p class="help">
            Load balancers, services and endpoints as they shall be, one document after the other.
          </p>
          <YamlEditor text={text} error={error} onInput={onText} label="Changes" />
          {wrong.length > 0 && (
            <p class="wrong-text" role="alert">
              {wrong.join("; ")}
            </p>
          )}
        </div>
      </Card>
      <Card title="How it goes">
        <p class="lead">
          Without waves: provider by provider, region by region, a tenth and then all of its edges.
        </p>
        <details class="more">
          <summary>Waves, gates, deletions</summary>
          <SpecForm
            kind="Rollout"
            value={value.spec}
            violations={violations}
            onChange={onChange}
            leaveOut={["changes", "bake", "progress"]}
          />
        </details>
      </Card>
    </>
  );
}
