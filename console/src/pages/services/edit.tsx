import type { PageProps } from "../../app/routes";
import type { Kinds } from "../../api/kinds";
import { EditPage, EverythingElse, NameField, type ObjectForm } from "../../ui/edit_page";
import { messagesFor, SelectField, Switch, TextField } from "../../ui/field";
import { numberOf } from "../../ui/form";
import { Icon } from "../../ui/icon";
import { Card } from "../../ui/page";

type Service = Kinds["services"];

const fresh = (): Service =>
  ({
    kind: "Service",
    metadata: { name: "" },
    spec: {
      protocol: "HTTP",
      endpoints: [{ address: "", weight: 1 }],
      health_check: { http: { path: "/" } },
    },
  }) as unknown as Service;

const balances: [string, string][] = [
  ["ROUND_ROBIN", "Round robin: each in turn"],
  ["LEAST_REQUEST", "Least request: the one with less to do"],
  ["RANDOM", "Random"],
  ["RING_HASH", "Ring hash: the same client, the same endpoint"],
  ["MAGLEV", "Maglev: the same, with smaller tables"],
];

export default function EditService({ params }: PageProps) {
  return (
    <EditPage
      plural="services"
      name={params.name}
      title="service"
      all={{ href: "/services", label: "Services" }}
      fresh={fresh}
    >
      {(form) => <Fields form={form} />}
    </EditPage>
  );
}

function Fields({ form }: { form: ObjectForm<Service> }) {
  const { value, violations, onChange } = form;
  const spec: NonNullable<Service["spec"]> = value.spec ?? {};
  const endpoints = spec.endpoints ?? [];
  const check = spec.health_check;
  return (
    <>
      <Card title="Service">
        <div class="fields">
          <NameField form={form} />
          <SelectField
            label="Protocol"
            value={spec.protocol ?? "HTTP"}
            options={["HTTP", "HTTP2", "TCP"]}
            onInput={(text) => onChange(["spec", "protocol"], text)}
            messages={messagesFor(violations, "spec.protocol")}
            help="spoken to the endpoints"
          />
          <SelectField
            label="Balance"
            value={spec.balance ?? "ROUND_ROBIN"}
            options={balances}
            onInput={(text) => onChange(["spec", "balance"], text)}
            messages={messagesFor(violations, "spec.balance", true)}
          />
        </div>
      </Card>
      <Card
        title="Endpoints"
        actions={
          <button
            type="button"
            class="quiet"
            onClick={() => onChange(["spec", "endpoints", endpoints.length], { address: "", weight: 1 })}
          >
            <Icon name="plus" size={14} /> Add an address
          </button>
        }
      >
        <div class="stack small">
          {messagesFor(violations, "spec.endpoints").map((one) => (
            <p class="wrong-text" role="alert">
              {one}
            </p>
          ))}
          {endpoints.length === 0 && (
            <p class="lead">No addresses: origins come by themselves, by weir join or a tunnel.</p>
          )}
          {endpoints.map((one, i) => (
            <div class="backend-form" key={i}>
              <TextField
                label="Address"
                value={one.address ?? ""}
                placeholder="10.0.0.5:8080"
                required
                messages={messagesFor(violations, `spec.endpoints[${i}].address`)}
                onInput={(text) => onChange(["spec", "endpoints", i, "address"], text)}
              />
              <TextField
                label="Weight"
                value={String(one.weight ?? "")}
                placeholder="1"
                messages={messagesFor(violations, `spec.endpoints[${i}].weight`)}
                onInput={(text) => onChange(["spec", "endpoints", i, "weight"], numberOf(text))}
              />
              <button
                type="button"
                class="quiet icon-only"
                aria-label={`Remove endpoint ${i + 1}`}
                onClick={() => onChange(["spec", "endpoints", i], undefined)}
              >
                <Icon name="trash" size={15} />
              </button>
            </div>
          ))}
        </div>
      </Card>
      <Card title="Health check">
        <div class="stack small">
          <Switch
            label="Check every endpoint"
            value={check !== undefined}
            help="One that fails gets no requests until it passes again."
            onInput={(on) => onChange(["spec", "health_check"], on ? { http: { path: "/" } } : undefined)}
          />
          {check && (
            <div class="fields">
              <SelectField
                label="How"
                value={check.http ? "http" : check.grpc ? "grpc" : "tcp"}
                options={[
                  ["http", "HTTP request"],
                  ["tcp", "TCP connection"],
                  ["grpc", "gRPC health"],
                ]}
                messages={messagesFor(violations, "spec.health_check")}
                onInput={(how) =>
                  onChange(["spec", "health_check"], {
                    ...check,
                    http: undefined,
                    tcp: undefined,
                    grpc: undefined,
                    [how]: how === "http" ? { path: "/" } : {},
                  })
                }
              />
              {check.http && (
                <TextField
                  label="Path"
                  value={check.http.path ?? ""}
                  placeholder="/"
                  messages={messagesFor(violations, "spec.health_check.http", true)}
                  onInput={(text) => onChange(["spec", "health_check", "http", "path"], text || undefined)}
                />
              )}
              <TextField
                label="Interval"
                value={check.interval ?? ""}
                placeholder="5s"
                messages={messagesFor(violations, "spec.health_check.interval")}
                onInput={(text) => onChange(["spec", "health_check", "interval"], text || undefined)}
              />
            </div>
          )}
        </div>
      </Card>
      <EverythingElse
        kind="Service"
        form={form}
        summary="Timeouts, retries, stickiness, circuit breakers, TLS, discovery"
        leaveOut={["protocol", "balance", "endpoints"]}
      />
    </>
  );
}
