// A workload as a form: its containers and where they run; and the part of it by which it is scaled.
import type { PageProps } from "../../app/routes";
import type { Kinds, Schema } from "../../api/kinds";
import { EditPage, EverythingElse, NameField } from "../../ui/edit_page";
import { type FormOf, writable } from "../../ui/editor";
import { messagesFor, TextField } from "../../ui/field";
import { numberOf, wordsAsWritten } from "../../ui/form";
import { Icon } from "../../ui/icon";
import { Card } from "../../ui/page";
import { ObjectFields } from "../../ui/schema_form";

type Workload = Kinds["workloads"];

const fresh = (): Workload =>
  ({
    kind: "Workload",
    metadata: { name: "" },
    spec: {
      containers: [{ name: "app", image: "", ports: [{ port: 8080 }] }],
      targets: [{ name: "all", min_replicas: 1 }],
    },
  }) as unknown as Workload;

export default function EditWorkload({ params }: PageProps) {
  return (
    <EditPage
      plural="workloads"
      name={params.name}
      title="workload"
      all={{ href: "/workloads", label: "Workloads" }}
      fresh={fresh}
      start={written}
      lead="Whatever changes in its containers is a new version, which goes through the cities one after the other."
    >
      {(form) => (
        <>
          <Card title="What runs">
            <div class="fields">
              <NameField form={form} />
              <TextField
                label="Image"
                value={form.value.spec?.containers?.[0]?.image ?? ""}
                required
                onInput={(text) => form.onChange(["spec", "containers", 0, "image"], text)}
                messages={messagesFor(form.violations, "spec.containers[0].image")}
                help="with its registry, or weir/NAME:TAG that was pushed here"
              />
              <TextField
                label="Service"
                value={form.value.spec?.containers?.[0]?.ports?.[0]?.service ?? ""}
                onInput={(text) =>
                  form.onChange(["spec", "containers", 0, "ports", 0, "service"], text || undefined)
                }
                messages={messagesFor(form.violations, "spec.containers[0].ports[0].service")}
                help="whose endpoint its first port is, while it is ready"
              />
            </div>
          </Card>
          <Targets form={form} />
          <EverythingElse
            kind="Workload"
            form={form}
            summary="Containers in full, volumes, drain, update"
            leaveOut={["targets"]}
          />
        </>
      )}
    </EditPage>
  );
}

// How far it is, is the server's.
export function written(workload: Workload): Workload {
  const object = writable(workload);
  const { progress: _, ...spec } = object.spec!;
  return { ...object, spec } as Workload;
}

export function Targets({ form }: { form: FormOf<Workload> }) {
  const { value, violations, onChange } = form;
  const targets = (value.spec?.targets ?? []) as Schema<"WorkloadTarget">[];
  const wrong = messagesFor(violations, "spec.targets");
  return (
    <Card
      title="Where, and how many"
      actions={
        <button
          type="button"
          class="quiet"
          onClick={() => onChange(["spec", "targets", targets.length], { name: "", min_replicas: 1 })}
        >
          <Icon name="plus" size={14} /> Add a target
        </button>
      }
    >
      <div class="stack small">
        {wrong.length > 0 && (
          <p class="wrong-text" role="alert">
            {wrong.join("; ")}
          </p>
        )}
        {targets.map((target, i) => {
          const path = ["spec", "targets", i] as const;
          const field = `spec.targets[${i}]`;
          const number = (
            name: "min_replicas" | "max_replicas",
            label: string,
            placeholder: string,
            help: string,
          ) => (
            <TextField
              label={label}
              value={String(target[name] || "")}
              placeholder={placeholder}
              help={help}
              messages={messagesFor(violations, `${field}.${name}`)}
              onInput={(text) => onChange([...path, name], numberOf(text))}
            />
          );
          return (
            <div class="list-item" key={i}>
              <div class="fields tight">
                <TextField
                  label="Target"
                  value={target.name ?? ""}
                  required
                  messages={messagesFor(violations, `${field}.name`)}
                  onInput={(text) => onChange([...path, "name"], text)}
                  help="part of the names of its instances"
                />
                <TextField
                  label="Cities"
                  value={(target.cities ?? []).join(" ")}
                  placeholder="any"
                  messages={messagesFor(violations, `${field}.cities`, true)}
                  onInput={(text) =>
                    onChange([...path, "cities"], text.trim() ? wordsAsWritten(text) : undefined)
                  }
                  help="of nodes; none named: any"
                />
                {number("min_replicas", "Instances in each city", "1", "at least")}
                {number("max_replicas", "At most", "the same", "more than that: by the metrics below")}
              </div>
              <div class="actions">
                <details class="more">
                  <summary>Regions, providers, metrics, cooldowns</summary>
                  <ObjectFields
                    schema={{ ref: "WorkloadTarget" }}
                    value={target}
                    path={[...path]}
                    violations={violations}
                    onChange={onChange}
                    leaveOut={["name", "cities", "min_replicas", "max_replicas"]}
                  />
                </details>
                {targets.length > 1 && (
                  <button
                    type="button"
                    class="quiet"
                    onClick={() => onChange([...path], undefined)}
                    aria-label={`Remove the target ${target.name}`}
                  >
                    <Icon name="trash" size={14} /> Remove
                  </button>
                )}
              </div>
            </div>
          );
        })}
      </div>
    </Card>
  );
}
