import type { PageProps } from "../../app/routes";
import { place } from "../../app/router";
import type { Kinds } from "../../api/kinds";
import { useKind } from "../../api/store";
import { nameOf } from "../../ui/columns";
import { EditPage, EverythingElse, NameField, type ObjectForm } from "../../ui/edit_page";
import { Field, messagesFor, TextField } from "../../ui/field";
import { wordsAsWritten } from "../../ui/form";
import { StatePill } from "../../ui/health";
import { confirmDelete, ObjectPage, Writes } from "../../ui/object";
import { Card, Facts, PageHead } from "../../ui/page";
import { linksTo, makes, Problem, YamlOf } from "../../ui/parts";
import { zoneState } from "../../ui/states";
import { Time } from "../../ui/time";
import { RecordSets } from "./list";

type Zone = Kinds["zones"];

const all = { href: "/zones", label: "Zones" };
const fresh = (): Zone =>
  ({
    kind: "Zone",
    metadata: { name: "" },
    spec: { nameservers: ["ns1"], records: "ns1  A  192.0.2.53\n" },
  }) as unknown as Zone;

export default function ZonePage({ params }: PageProps) {
  const { name } = params;
  if (name && !place.value.path.endsWith("/edit")) {
    return (
      <ObjectPage plural="zones" name={name} title="zone">
        {(zone) => <Detail zone={zone} />}
      </ObjectPage>
    );
  }
  return (
    <EditPage plural="zones" name={name} title="zone" all={all} fresh={fresh}>
      {(form) => <Fields form={form} />}
    </EditPage>
  );
}

function Detail({ zone }: { zone: Zone }) {
  const sets = useKind("recordsets");
  const providers = useKind("dnsproviders");
  const { name } = zone.metadata;
  const mine = sets.list.value.filter((one) => one.spec?.zone === name);
  const written = providers.list.value.filter((one) => one.spec?.zones?.includes(name));
  const onDelete = () =>
    confirmDelete(
      "zones",
      zone,
      <>Name servers refuse queries for {name} from then on. What providers have of it stays there.</>,
    );
  return (
    <>
      <PageHead title={name} back={all} pill={<StatePill state={zoneState(zone)} />}>
        {makes("Record set", `/recordsets/new?zone=${name}`)}
        <Writes edit={`/zones/${name}/edit`} onDelete={onDelete} />
      </PageHead>
      <div class="stack">
        {zone.status?.reason && <Problem>{zone.status.reason}</Problem>}
        <Card title="Record sets" class={mine.length > 0 ? "flush" : ""}>
          <RecordSets sets={mine} zone={name} />
        </Card>
        {zone.spec?.records && (
          <Card title="Plain records">
            <pre class="code-block" tabIndex={0}>
              {zone.spec.records.trimEnd()}
            </pre>
          </Card>
        )}
        <Card title="About">
          <Facts
            facts={[
              ["Name servers", (zone.spec?.nameservers ?? []).join(", ")],
              ["Hostmaster", zone.spec?.hostmaster ?? `hostmaster@${name}`],
              ["Serial", zone.status?.serial],
              ["Records the same for all", zone.status?.records],
              ["TTL", `${zone.spec?.ttl ?? 300} s`],
              ["Written to", linksTo("/dnsproviders", written.map(nameOf))],
              ["Copies", zone.spec?.transfers ? "by AXFR and IXFR" : "none"],
              ["Updates by programs", (zone.spec?.updates ?? []).map((one) => one.key).join(", ") || "none"],
              ["Changed", <Time at={zone.metadata.updated_at} />],
            ]}
          />
          <YamlOf object={zone} />
        </Card>
      </div>
    </>
  );
}

function Fields({ form }: { form: ObjectForm<Zone> }) {
  const { value, violations, onChange } = form;
  return (
    <>
      <Card title="The domain" class="spaced">
        <div class="fields">
          <NameField form={form} placeholder="example.com" help="the domain itself" />
          <TextField
            label="Name servers"
            value={(value.spec?.nameservers ?? []).join(" ")}
            required
            onInput={(text) => onChange(["spec", "nameservers"], wordsAsWritten(text))}
            messages={messagesFor(violations, "spec.nameservers", true)}
            help="one without a dot is within the zone"
          />
        </div>
        <Field
          label="Records"
          messages={messagesFor(violations, "spec.records")}
          help="as a zone file has them: name, type, value; for what stays as it is"
        >
          {(field) => (
            <textarea
              {...field}
              class="code"
              rows={8}
              spellcheck={false}
              value={value.spec?.records ?? ""}
              onInput={(event) => onChange(["spec", "records"], event.currentTarget.value || undefined)}
            />
          )}
        </Field>
      </Card>
      <EverythingElse
        kind="Zone"
        form={form}
        summary="TTLs, sites, transfers, updates"
        leaveOut={["nameservers", "records"]}
      />
    </>
  );
}
