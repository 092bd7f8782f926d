import type { PageProps } from "../../app/routes";
import { place } from "../../app/router";
import type { Kinds, Schema } from "../../api/kinds";
import { useKind } from "../../api/store";
import { whyColumn } from "../../ui/columns";
import { EditPage, EverythingElse, NameField, type ObjectForm } from "../../ui/edit_page";
import { messagesFor, SelectField, TextField } from "../../ui/field";
import { StatePill } from "../../ui/health";
import { Icon } from "../../ui/icon";
import { confirmDelete, ObjectPage, Writes } from "../../ui/object";
import { Card, Facts, PageHead } from "../../ui/page";
import { lower, YamlOf } from "../../ui/parts";
import { Pill } from "../../ui/pill";
import { SpecForm } from "../../ui/schema_form";
import { recordState } from "../../ui/states";
import { type Column, Table } from "../../ui/table";
import { Time } from "../../ui/time";
import { nameOf } from "./list";

type RecordSet = Kinds["recordsets"];

const policies: [string, string][] = [
  ["SIMPLE", "all of them"],
  ["ROUND_ROBIN", "all healthy ones, each first in turn"],
  ["WEIGHTED", "one, by weight"],
  ["FAILOVER", "the healthy ones of the lowest priority"],
  ["MULTI", "some of the healthy ones"],
  ["GEO", "those closest to the client"],
];
const types = [
  "A",
  "AAAA",
  "CNAME",
  "MX",
  "TXT",
  "SRV",
  "PTR",
  "CAA",
  "NS",
  "SVCB",
  "HTTPS",
  "DS",
  "TLSA",
  "SSHFP",
  "NAPTR",
  "ALIAS",
];

const fresh = (zone: string): RecordSet =>
  ({
    kind: "RecordSet",
    metadata: { name: "" },
    spec: { zone, name: "", type: "A", values: [] },
  }) as unknown as RecordSet;

export default function RecordSetPage({ params }: PageProps) {
  const { name } = params;
  if (name && !place.value.path.endsWith("/edit")) {
    return (
      <ObjectPage plural="recordsets" name={name} title="record set">
        {(set) => <Detail set={set} />}
      </ObjectPage>
    );
  }
  const zone = place.value.query.get("zone") ?? "";
  const all = zone ? { href: `/zones/${zone}`, label: zone } : { href: "/recordsets", label: "Record sets" };
  return (
    <EditPage
      plural="recordsets"
      name={name}
      title="record set"
      all={all}
      fresh={() => fresh(zone)}
      labelOf={nameOf}
    >
      {(form) => <Fields form={form} />}
    </EditPage>
  );
}

interface Answer {
  value: string;
  status?: Schema<"RecordAnswerStatus">;
  spec?: Schema<"RecordAnswer">;
}

const policyText = (set: RecordSet) => policies.find(([key]) => key === (set.spec?.policy ?? "SIMPLE"))![1];

function Detail({ set }: { set: RecordSet }) {
  const { name } = set.metadata;
  const { spec, status } = set;
  const written = new Map((spec?.answers ?? []).map((one) => [one.value, one]));
  const answers: Answer[] =
    (status?.answers ?? []).length > 0
      ? status!.answers!.map((one) => ({
          value: one.value ?? "",
          status: one,
          spec: written.get(one.value ?? ""),
        }))
      : [
          ...(spec?.values ?? []).map((value) => ({ value })),
          ...(spec?.answers ?? []).map((one) => ({ value: one.value, spec: one })),
        ];
  const onDelete = () =>
    confirmDelete(
      "recordsets",
      set,
      <>
        Resolvers keep the records for up to {spec?.ttl ?? "the zone's TTL of"} seconds, and get none after.
      </>,
    );
  const explain = `/explain?dns=${encodeURIComponent(nameOf(set))}&type=${spec?.type === "ALIAS" ? "A" : spec?.type}`;
  return (
    <>
      <PageHead
        title={nameOf(set)}
        back={{ href: `/zones/${spec?.zone}`, label: spec?.zone ?? "Zone" }}
        pill={<StatePill state={recordState(set)} />}
        lead={status?.reason ?? `${spec?.type}: ${policyText(set)}`}
      >
        <a class="button" href={explain}>
          <Icon name="explain" size={15} /> Explain
        </a>
        <Writes edit={`/recordsets/${name}/edit`} onDelete={onDelete} />
      </PageHead>
      <div class="stack">
        <Answers answers={answers} set={set} />
        <Weights name={name} />
        <Card title="About">
          <Facts
            facts={[
              ["Type", <code>{spec?.type}</code>],
              ["Policy", `${lower(spec?.policy ?? "SIMPLE")}: ${policyText(set)}`],
              ["TTL", spec?.ttl !== undefined ? `${spec.ttl} s` : "the zone's"],
              [
                "From the service",
                spec?.service ? <a href={`/services/${spec.service}`}>{spec.service}</a> : "",
              ],
              ["When none is healthy", lower(spec?.all_down ?? "SERVE_ALL")],
              ["Sticky", spec?.sticky ? "yes, by network" : "no"],
              ["Changed", <Time at={set.metadata.updated_at} />],
            ]}
          />
          <YamlOf object={set} />
        </Card>
      </div>
    </>
  );
}

function Answers({ answers, set }: { answers: Answer[]; set: RecordSet }) {
  const weighted = set.spec?.policy === "WEIGHTED";
  const geo = set.spec?.policy === "GEO";
  const columns: Column<Answer>[] = [
    {
      key: "value",
      title: "Record",
      width: "minmax(0, 1.4fr)",
      sort: (one) => one.value,
      cell: (one) => <code>{one.value}</code>,
    },
    {
      key: "given",
      title: "Given now",
      width: "130px",
      cell: (one) =>
        one.status ? (
          <Pill tone={one.status.given ? "good" : "idle"}>{one.status.given ? "given" : "not given"}</Pill>
        ) : (
          <Pill tone="info">to all</Pill>
        ),
    },
    {
      key: "health",
      title: "Health",
      width: "130px",
      from: "tablet",
      cell: (one) =>
        one.status && (
          <Pill tone={one.status.healthy ? "good" : "bad"}>
            {one.status.healthy ? "healthy" : "not healthy"}
          </Pill>
        ),
    },
    {
      key: "by",
      title: weighted ? "Weight" : geo ? "Places" : "Priority",
      width: geo ? "minmax(0, 1fr)" : "90px",
      align: geo ? undefined : "end",
      from: "tablet",
      cell: (one) =>
        weighted
          ? (one.spec?.weight ?? 1)
          : geo
            ? one.spec?.places?.join(", ") || "everywhere else"
            : (one.spec?.priority ?? 0),
    },
    {
      key: "follows",
      title: "Follows",
      width: "minmax(0, 1fr)",
      from: "desktop",
      cell: (one) =>
        one.spec?.service ? (
          <a href={`/services/${one.spec.service}`}>{one.spec.service}</a>
        ) : (
          (one.spec?.provider ?? set.spec?.service ?? <span class="faint">nothing</span>)
        ),
    },
    whyColumn("minmax(0, 2fr)", "tablet", (one) => one.status?.reason),
  ];
  if (answers.length === 0)
    return (
      <Card title="Answers">
        <p class="lead">
          There are none: {set.status?.reason ?? "the service has no endpoint with an address"}.
        </p>
      </Card>
    );
  return (
    <Card title="Answers" class="flush">
      <Table label="Answers" columns={columns} rows={answers} keyOf={(one) => one.value} />
    </Card>
  );
}

const weightColumns: Column<Schema<"ProviderWeight">>[] = [
  { key: "provider", title: "Provider", width: "minmax(0, 1fr)", cell: (one) => <b>{one.provider}</b> },
  {
    key: "share",
    title: "Share",
    width: "100px",
    align: "end",
    cell: (one) => `${((one.weight ?? 0) / 10).toFixed(1)} %`,
  },
  { key: "load", title: "Load", width: "110px", align: "end", cell: (one) => `${one.load ?? 0} /s` },
  {
    key: "capacity",
    title: "Capacity",
    width: "120px",
    align: "end",
    from: "tablet",
    cell: (one) => (one.capacity ? `${one.capacity} /s` : "any"),
  },
  { key: "price", title: "Price", width: "100px", align: "end", from: "tablet", cell: (one) => one.price },
];

// What its balance has computed, if it has one.
function Weights({ name }: { name: string }) {
  const weights = useKind("dnsweights").get(name);
  if (!weights) return null;
  return (
    <Card
      title="Weights from load and price"
      class="flush"
      actions={
        <span class="faint">
          computed <Time at={weights.spec?.computed_at} />
        </span>
      }
    >
      <Table
        label="Weights"
        columns={weightColumns}
        rows={weights.spec?.providers ?? []}
        keyOf={(one) => one.provider}
      />
      {weights.status?.reason && <p class="lead inset">{weights.status.reason}</p>}
    </Card>
  );
}

function Fields({ form }: { form: ObjectForm<RecordSet> }) {
  const { value, violations, onChange } = form;
  const zones = useKind("zones");
  const services = useKind("services");
  const names = zones.list.value.map((one) => one.metadata.name);
  const none: [string, string] = ["", names.length === 0 ? "make a zone first" : "choose a zone"];
  const spec = value.spec ?? ({} as NonNullable<RecordSet["spec"]>);
  const put = (field: string) => (text: string) => onChange(["spec", field], text || undefined);
  const source = spec.service !== undefined ? "service" : spec.answers ? "answers" : "values";
  const onSource = (next: string) => {
    const { values: _, answers: __, service: ___, ...rest } = spec;
    const first = services.list.value[0]?.metadata.name ?? "";
    onChange(["spec"], {
      ...rest,
      ...(next === "service"
        ? { service: first }
        : next === "answers"
          ? { answers: [{ value: "" }] }
          : { values: [] }),
    });
  };
  return (
    <>
      <Card title="The name">
        <div class="fields">
          <SelectField
            label="Zone"
            value={spec.zone ?? ""}
            options={
              names.includes(spec.zone ?? "") ? names : [spec.zone ? [spec.zone, spec.zone] : none, ...names]
            }
            onInput={put("zone")}
            required
            messages={messagesFor(violations, "spec.zone")}
          />
          <TextField
            label="Name"
            value={spec.name ?? ""}
            placeholder="@"
            onInput={put("name")}
            messages={messagesFor(violations, "spec.name")}
            help="relative to the zone: www, *.dev; @ is the zone itself"
          />
          <SelectField
            label="Type"
            value={spec.type ?? "A"}
            options={types}
            onInput={put("type")}
            messages={messagesFor(violations, "spec.type")}
          />
          <NameField
            form={form}
            label="Object"
            placeholder={[spec.name !== "@" && spec.name, spec.zone].filter(Boolean).join(".")}
            help="what this set is called here"
          />
        </div>
      </Card>
      <Card title="The records" class="spaced">
        <div class="fields">
          <SelectField
            label="They are"
            value={source}
            onInput={onSource}
            options={[
              ["values", "what stands here"],
              ["answers", "with weight, priority, health or place"],
              ["service", "the endpoints of a service"],
            ]}
          />
          <SelectField
            label="A client gets"
            value={spec.policy ?? "SIMPLE"}
            options={policies}
            onInput={put("policy")}
            messages={messagesFor(violations, "spec.policy")}
          />
          {source === "service" && (
            <SelectField
              label="Service"
              value={spec.service ?? ""}
              onInput={(text) => onChange(["spec", "service"], text)}
              messages={messagesFor(violations, "spec.service")}
              options={[
                ["", "choose a service"],
                ...services.list.value.map((one): [string, string] => [one.metadata.name, one.metadata.name]),
              ]}
            />
          )}
        </div>
        {source !== "service" && (
          <SpecForm
            kind="RecordSet"
            value={value.spec}
            violations={violations}
            onChange={onChange}
            leaveOut={allBut(source)}
          />
        )}
      </Card>
      <EverythingElse
        kind="RecordSet"
        form={form}
        summary="TTL, what happens when none is healthy, balance by load and price"
        leaveOut={["zone", "name", "type", "policy", "values", "answers", "service"]}
      />
    </>
  );
}

const fields = [
  "zone",
  "name",
  "type",
  "ttl",
  "policy",
  "values",
  "answers",
  "service",
  "healthy_percent_min",
  "answers_max",
  "sticky",
  "all_down",
  "fallback",
  "balance",
];
const allBut = (one: string) => fields.filter((field) => field !== one);
