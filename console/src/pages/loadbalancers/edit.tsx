// A load balancer as a form: what most need is on top, everything else below, in the schema's order.
import type { PageProps } from "../../app/routes";
import type { Kinds, Schema } from "../../api/kinds";
import { session } from "../../api/session";
import { useKind } from "../../api/store";
import { EditPage, EverythingElse, NameField, type ObjectForm } from "../../ui/edit_page";
import type { FormOf } from "../../ui/editor";
import { messagesFor, SelectField, TextField } from "../../ui/field";
import { numberOf, wordsAsWritten } from "../../ui/form";
import { Icon } from "../../ui/icon";
import { Card } from "../../ui/page";
import { ObjectFields } from "../../ui/schema_form";

type Balancer = Kinds["loadbalancers"];

const fresh = (): Balancer =>
  ({
    kind: "LoadBalancer",
    metadata: { name: "" },
    spec: {
      listeners: [{ protocol: "HTTP", hostnames: [] }],
      routes: [{ match: { path_prefix: "/" }, backends: [{ service: "", weight: 1 }] }],
    },
  }) as unknown as Balancer;

export default function EditLoadBalancer({ params }: PageProps) {
  return (
    <EditPage
      plural="loadbalancers"
      name={params.name}
      title="load balancer"
      all={{ href: "/loadbalancers", label: "Load balancers" }}
      fresh={fresh}
    >
      {(form) => (
        <>
          <Basics form={form} />
          <RoutesForm form={form} />
          <EverythingElse kind="LoadBalancer" form={form} summary="Listeners in full" leaveOut={["routes"]} />
        </>
      )}
    </EditPage>
  );
}

function Basics({ form }: { form: ObjectForm<Balancer> }) {
  const { value, violations, onChange } = form;
  const listener = value.spec?.listeners?.[0];
  const domain = session.value?.domain ?? "weir.localhost";
  const web = listener?.protocol === "HTTP" || listener?.protocol === "HTTPS";
  return (
    <Card title="Where clients come in">
      <div class="fields">
        <NameField form={form} />
        <SelectField
          label="Protocol"
          value={listener?.protocol ?? "HTTP"}
          options={["HTTP", "HTTPS", "TCP", "TLS"]}
          messages={messagesFor(violations, "spec.listeners[0].protocol")}
          help="spoken by the clients"
          onInput={(next) => onChange(["spec", "listeners", 0, "protocol"], next)}
        />
        {web || listener?.protocol === "TLS" ? (
          <TextField
            label="Host names"
            value={(listener?.hostnames ?? []).join(" ")}
            placeholder={`${value.metadata.name || "web"}.${domain}`}
            messages={messagesFor(violations, "spec.listeners[0].hostnames", true)}
            help={`for example ${value.metadata.name || "web"}.${domain}; none: all hosts that nobody else names`}
            onInput={(text) =>
              onChange(["spec", "listeners", 0, "hostnames"], text.trim() ? wordsAsWritten(text) : undefined)
            }
          />
        ) : (
          <TextField
            label="Port"
            value={String(listener?.port ?? "")}
            placeholder="one is handed out"
            messages={messagesFor(violations, "spec.listeners[0].port")}
            help="1 to 65535"
            onInput={(text) => onChange(["spec", "listeners", 0, "port"], numberOf(text))}
          />
        )}
      </div>
    </Card>
  );
}

function RoutesForm({ form }: { form: FormOf<Balancer> }) {
  const { value, violations, onChange } = form;
  const services = useKind("services");
  const names = services.list.value.map((one) => one.metadata.name);
  const routes = (value.spec?.routes ?? []) as Schema<"Route">[];
  const wrong = messagesFor(violations, "spec.routes");
  return (
    <Card
      title="Routes"
      actions={
        <button
          type="button"
          class="quiet"
          onClick={() =>
            onChange(["spec", "routes", routes.length], {
              match: { path_prefix: "/" },
              backends: [{ service: names[0] ?? "", weight: 1 }],
            })
          }
        >
          <Icon name="plus" size={14} /> Add a route
        </button>
      }
    >
      <div class="stack small">
        {wrong.length > 0 && (
          <p class="wrong-text" role="alert">
            {wrong.join("; ")}
          </p>
        )}
        {routes.map((route, i) => (
          <RouteForm key={i} form={form} route={route} index={i} names={names} last={routes.length === 1} />
        ))}
      </div>
    </Card>
  );
}

function RouteForm({
  form,
  route,
  index,
  names,
  last,
}: {
  form: FormOf<Balancer>;
  route: Schema<"Route">;
  index: number;
  names: string[];
  last: boolean;
}) {
  const { violations, onChange } = form;
  const path = ["spec", "routes", index] as const;
  const field = `spec.routes[${index}]`;
  const backends = route.backends ?? [];
  const isPlain = !route.redirect && !route.respond;
  return (
    <div class="list-item">
      <div class="fields">
        <TextField
          label="Path prefix"
          value={route.match?.path_prefix ?? ""}
          placeholder="/"
          messages={messagesFor(violations, `${field}.match`, true)}
          onInput={(text) => onChange([...path, "match", "path_prefix"], text || undefined)}
        />
      </div>
      {isPlain &&
        backends.map((backend, i) => (
          <div class="backend-form" key={i}>
            <ServiceField
              names={names}
              value={backend.service ?? ""}
              messages={messagesFor(violations, `${field}.backends[${i}].service`)}
              onInput={(next) => onChange([...path, "backends", i, "service"], next)}
            />
            <TextField
              label="Weight"
              value={String(backend.weight ?? "")}
              placeholder="1"
              messages={messagesFor(violations, `${field}.backends[${i}].weight`)}
              onInput={(text) =>
                onChange(
                  [...path, "backends", i, "weight"],
                  text === "" ? undefined : /^\d+$/.test(text) ? Number(text) : text,
                )
              }
            />
            {backends.length > 1 && (
              <button
                type="button"
                class="quiet icon-only"
                aria-label={`Remove service ${i + 1} of route ${index + 1}`}
                onClick={() => onChange([...path, "backends", i], undefined)}
              >
                <Icon name="trash" size={15} />
              </button>
            )}
          </div>
        ))}
      <div class="actions">
        {isPlain && (
          <button
            type="button"
            class="quiet"
            onClick={() =>
              onChange([...path, "backends", backends.length], { service: names[0] ?? "", weight: 1 })
            }
          >
            <Icon name="plus" size={14} /> Share with another service
          </button>
        )}
        {!last && (
          <button type="button" class="quiet" onClick={() => onChange([...path], undefined)}>
            <Icon name="trash" size={14} /> Remove the route
          </button>
        )}
      </div>
      <details class="more">
        <summary>Headers, access, limits, timeouts, retries</summary>
        <ObjectFields
          schema={{ ref: "Route" }}
          value={route}
          path={[...path]}
          violations={violations}
          onChange={onChange}
          leaveOut={["backends"]}
        />
      </details>
    </div>
  );
}

function ServiceField({
  names,
  value,
  messages,
  onInput,
}: {
  names: string[];
  value: string;
  messages: string[];
  onInput: (value: string) => void;
}) {
  if (names.length === 0) {
    return (
      <TextField
        label="Service"
        value={value}
        onInput={onInput}
        messages={messages}
        required
        help="There is no service yet; make one first, or name one."
      />
    );
  }
  const options: (string | [string, string])[] = names.includes(value)
    ? names
    : [[value, value || "choose a service"], ...names];
  return (
    <SelectField
      label="Service"
      value={value}
      options={options}
      onInput={onInput}
      messages={messages}
      required
    />
  );
}
