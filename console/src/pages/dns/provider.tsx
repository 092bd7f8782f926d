// Zones at somebody else's name servers: how they stand, what a sync would do there, and doing it.
import { useState } from "preact/hooks";
import type { PageProps } from "../../app/routes";
import { request, sentenceOf } from "../../api/client";
import type { Kinds, Schema } from "../../api/kinds";
import { mayWrite } from "../../api/session";
import { timeColumn, whyColumn } from "../../ui/columns";
import { confirm } from "../../ui/dialog";
import { Refusal } from "../../ui/field";
import { StatePill } from "../../ui/health";
import { Icon } from "../../ui/icon";
import { confirmDelete, ObjectPage, Writes } from "../../ui/object";
import { Card, Facts, PageHead } from "../../ui/page";
import { lower, YamlOf } from "../../ui/parts";
import { Pill } from "../../ui/pill";
import { providerState } from "../../ui/states";
import { type Column, Table } from "../../ui/table";
import { toast } from "../../ui/toast";

type Provider = Kinds["dnsproviders"];

interface Records {
  ttl?: number;
  values?: string[];
}
interface PlannedChange {
  action: "create" | "replace" | "delete";
  record: string;
  before?: Records;
  after?: Records;
}
interface ZonePlan {
  zone: string;
  synced: boolean;
  written: number;
  create: number;
  replace: number;
  delete: number;
  more: number;
  kept: number;
  foreign: number;
  changes: PlannedChange[];
  conflicts: { record: string; reason: string }[];
  left_out: string[];
  refused?: string;
  error?: string;
}
interface ProviderPlan {
  zones: ZonePlan[];
}

export default function ProviderPage({ params }: PageProps) {
  return (
    <ObjectPage plural="dnsproviders" name={params.name!} title="provider">
      {(provider) => <Detail provider={provider} />}
    </ObjectPage>
  );
}

const columns: Column<Schema<"DnsProviderZoneStatus">>[] = [
  {
    key: "zone",
    title: "Zone",
    width: "minmax(0, 1fr)",
    cell: (one) => (
      <b>
        <a href={`/zones/${one.zone}`}>{one.zone}</a>
      </b>
    ),
  },
  {
    key: "synced",
    title: "State",
    width: "120px",
    cell: (one) => <Pill tone={one.synced ? "good" : "warn"}>{one.synced ? "in step" : "differs"}</Pill>,
  },
  {
    key: "records",
    title: "Made by weir",
    width: "120px",
    align: "end",
    from: "tablet",
    cell: (one) => one.records ?? 0,
  },
  timeColumn("Last in step", "130px", "tablet", (one) => one.synced_at),
  whyColumn("minmax(0, 2fr)", "tablet", (one) => one.reason),
];

function Detail({ provider }: { provider: Provider }) {
  const { name } = provider.metadata;
  const { spec } = provider;
  const [plan, setPlan] = useState<ProviderPlan | null>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const ask = async (act: () => Promise<ProviderPlan>) => {
    setBusy(true);
    setProblem("");
    try {
      setPlan(await act());
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  const onPlan = () => ask(() => request("GET", `/v1/dnsproviders/${name}/plan`));
  const onSync = async (force: boolean) => {
    const done = await confirm({
      title: force ? `Write all of it to ${name}?` : `Write the zones to ${name} now?`,
      body: force ? (
        <p>
          Also what replaces or deletes more than {spec?.changes_percent_max ?? 30} % of the records there.
          What weir did not make stays.
        </p>
      ) : (
        <p>What the plan shows is made there. What weir did not make is never touched.</p>
      ),
      confirm: force ? "Write all of it" : "Write",
      dangerous: force,
      act: async () =>
        setPlan(
          await request<ProviderPlan>("POST", `/v1/dnsproviders/${name}/sync`, {
            query: { force: force || undefined },
          }),
        ),
    });
    if (done) toast(`${name} was written; what came of it stands below.`);
  };
  const onDelete = () =>
    confirmDelete(
      "dnsproviders",
      provider,
      <>The records there stay as they are, and are nobody's from then on.</>,
    );
  const held = plan?.zones.some((one) => one.refused) ?? false;
  const zones = provider.status?.zones ?? [];
  return (
    <>
      <PageHead
        title={name}
        back={{ href: "/dnsproviders", label: "Providers" }}
        pill={<StatePill state={providerState(provider)} />}
      >
        <button type="button" disabled={busy} onClick={onPlan}>
          <Icon name="search" size={15} /> Compare
        </button>
        {mayWrite.value && (
          <button type="button" class="primary" disabled={busy} onClick={() => void onSync(false)}>
            <Icon name="refresh" size={15} /> Sync now
          </button>
        )}
        <Writes edit={`/objects/dnsproviders/${name}/edit`} onDelete={onDelete} />
      </PageHead>
      <div class="stack">
        <Refusal text={problem} />
        {plan && (
          <Card
            title="Compared with what is there"
            actions={
              held &&
              mayWrite.value && (
                <button type="button" class="danger" onClick={() => void onSync(true)}>
                  Write all the same
                </button>
              )
            }
          >
            <div class="stack" role="status">
              {plan.zones.map((one) => (
                <ZonePlanView key={one.zone} plan={one} />
              ))}
            </div>
          </Card>
        )}
        <Card title="Zones" class={zones.length > 0 ? "flush" : ""}>
          {zones.length > 0 ? (
            <Table label="Zones there" columns={columns} rows={zones} keyOf={(one) => one.zone ?? ""} />
          ) : (
            <p class="lead">None has been compared yet.</p>
          )}
        </Card>
        <Card title="About">
          <Facts
            facts={[
              ["Type", lower(spec?.type)],
              ["Where", spec?.url ? <code>{spec.url}</code> : "the provider's own address"],
              ["Credentials", <a href="/settings/secrets">{spec?.credentials}</a>],
              ["Written", spec?.automatic === false ? "when told" : "by itself"],
              ["Compared", `every ${spec?.interval ?? "5m"}`],
              ["Valve", `${spec?.changes_percent_max ?? 30} % of the records may change at once`],
            ]}
          />
          <YamlOf object={provider} />
        </Card>
      </div>
    </>
  );
}

const recordsText = (records: Records | undefined) =>
  [records?.ttl, (records?.values ?? []).join(", ")].filter((one) => one !== undefined).join("  ");

function ZonePlanView({ plan }: { plan: ZonePlan }) {
  const counts = `${plan.create} to create, ${plan.replace} to replace, ${plan.delete} to delete, ${plan.kept} as they shall be, ${plan.foreign} not weir's`;
  return (
    <section class="plan-object">
      <h3>
        <Pill tone={plan.error ? "bad" : plan.synced ? "good" : "warn"}>
          {plan.error ? "could not be read" : plan.synced ? "in step" : "differs"}
        </Pill>
        <span>{plan.zone}</span>
      </h3>
      <p class="lead">{plan.error ?? `${counts}${plan.written > 0 ? `; ${plan.written} written` : ""}.`}</p>
      {plan.refused && (
        <p class="problem">
          <Icon name="warn" size={15} /> {plan.refused}
        </p>
      )}
      {plan.changes.length > 0 && (
        <dl class="diff">
          {plan.changes.map((one) => (
            <div key={one.record}>
              <dt>
                {one.action} {one.record}
              </dt>
              {one.before && (
                <dd class="before">
                  <span aria-label="before">−</span> {recordsText(one.before)}
                </dd>
              )}
              {one.after && (
                <dd class="after">
                  <span aria-label="after">+</span> {recordsText(one.after)}
                </dd>
              )}
            </div>
          ))}
        </dl>
      )}
      {plan.more > 0 && <p class="lead">And {plan.more} more.</p>}
      {plan.conflicts.map((one) => (
        <p key={one.record} class="lead">
          <b>{one.record}</b> {one.reason}
        </p>
      ))}
      {plan.left_out.map((one) => (
        <p key={one} class="lead">
          {one}
        </p>
      ))}
    </section>
  );
}
