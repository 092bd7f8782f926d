import { useState } from "preact/hooks";
import type { Kinds } from "../../api/kinds";
import { nameColumn } from "../../ui/columns";
import { EmptyState } from "../../ui/empty";
import { Field, messagesFor, TextField } from "../../ui/field";
import { FormDialog } from "../../ui/form";
import { Pill } from "../../ui/pill";
import { useSubmit } from "../../ui/submit";
import type { Column } from "../../ui/table";
import { now } from "../../ui/time";
import { toast } from "../../ui/toast";
import { appliedColumn, write, type Write, WrittenKind } from "./written_kind";
import { readCertificate } from "./x509";

type Certificate = Kinds["certificates"];

const soonDays = 21;

function Expiry({ certificate }: { certificate: Certificate }) {
  const until = readCertificate(certificate.spec?.certificate)?.until;
  if (!until) return <span class="faint">not known</span>;
  const days = Math.floor((until.getTime() - now.value) / 86_400_000);
  const tone = days < 0 ? "bad" : days < soonDays ? "warn" : "good";
  return (
    <Pill tone={tone} title={until.toISOString()}>
      {days < 0 ? "expired" : days === 0 ? "ends today" : `${days} days`}
    </Pill>
  );
}

const namesOf = (one: Certificate) => readCertificate(one.spec?.certificate)?.names.join(", ");

const columns: Column<Certificate>[] = [
  nameColumn("minmax(0, 1fr)"),
  { key: "hosts", title: "For", width: "minmax(0, 1.5fr)", from: "tablet", cell: namesOf },
  {
    key: "until",
    title: "Lasts",
    width: "120px",
    sort: (one) => readCertificate(one.spec?.certificate)?.until.getTime() ?? 0,
    cell: (one) => <Expiry certificate={one} />,
  },
  appliedColumn("desktop"),
];

export const Certificates = () => (
  <WrittenKind
    plural="certificates"
    noun="certificate"
    columns={columns}
    again={["Renew", "refresh"]}
    keeps="A listener that names it keeps it from being deleted."
    textOf={(one) => `${one.metadata.name} ${namesOf(one)}`}
    sortBy="until"
    empty={(create) => (
      <EmptyState icon="key" title="No certificate of your own" action={create}>
        <p>
          HTTPS works without: weir's own authority certifies host names that have none (<code>weir ca</code>{" "}
          prints it for who is to believe it). Put chains and keys of a public authority here, and name them
          in listeners.
        </p>
      </EmptyState>
    )}
    form={CertificateForm}
  />
);

function CertificateForm({ name: before, onClose }: Write) {
  const [name, setName] = useState(before);
  const [chain, setChain] = useState("");
  const [key, setKey] = useState("");
  const sent = useSubmit();
  const onSubmit = async () => {
    const spec = { certificate: chain, private_key: key || undefined };
    if (!(await sent.submit(() => write("certificates", before, name, spec)))) return;
    toast(`Certificate ${name} is taken up by the edges, without a connection lost.`);
    onClose();
  };
  const read = readCertificate(chain);
  const area = (label: string, value: string, put: (text: string) => void, field: string, help: string) => (
    <Field
      label={label}
      messages={messagesFor(sent.violations, field)}
      required={field.endsWith("certificate")}
      help={help}
    >
      {(props) => (
        <textarea
          {...props}
          class="code"
          rows={7}
          value={value}
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => put(event.currentTarget.value)}
        />
      )}
    </Field>
  );
  return (
    <FormDialog
      title={before ? `Renew ${before}` : "New certificate"}
      drawer
      wide
      onClose={onClose}
      sent={sent}
      verb="Write"
      onSubmit={onSubmit}
    >
      <TextField
        label="Name"
        value={name}
        onInput={setName}
        required
        readOnly={before !== ""}
        messages={messagesFor(sent.violations, "metadata.name")}
        help="by which listeners name it"
      />
      {area(
        "Chain",
        chain,
        setChain,
        "spec.certificate",
        read
          ? `for ${read.names.join(", ")}, until ${read.until.toISOString().slice(0, 10)}`
          : "PEM, the server's own first",
      )}
      {area(
        "Private key",
        key,
        setKey,
        "spec.private_key",
        before ? "PEM; absent: as before" : "PEM; written, and never shown",
      )}
    </FormDialog>
  );
}
