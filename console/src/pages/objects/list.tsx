import type { PageProps } from "../../app/routes";
import { type AnyObject, kindNames, type Plural } from "../../api/kinds";
import { type Collection, useKind } from "../../api/store";
import { nameColumn, timeColumn } from "../../ui/columns";
import { CopyText } from "../../ui/copy";
import { EmptyState } from "../../ui/empty";
import { NotThere } from "../../ui/object";
import { PageHead } from "../../ui/page";
import { labelsOf, makes } from "../../ui/parts";
import { KindTable } from "../../ui/searched_table";
import type { Column } from "../../ui/table";
import { about, isWritten } from "./about";

const columns: Column<AnyObject>[] = [
  nameColumn("minmax(0, 2fr)"),
  {
    key: "labels",
    title: "Labels",
    width: "minmax(0, 1.5fr)",
    from: "tablet",
    cell: (one) => <span class="muted">{labelsOf(one)}</span>,
  },
  {
    key: "revision",
    title: "Revision",
    width: "100px",
    align: "end",
    from: "tablet",
    sort: (one) => one.metadata.revision ?? 0,
    cell: (one) => one.metadata.revision,
  },
  timeColumn("Changed", "130px", undefined, (one) => one.metadata.updated_at),
];

export default function Objects({ params }: PageProps) {
  const plural = params.plural as Plural;
  if (!(plural in kindNames)) {
    return <NotThere what="such kind" href="/objects" others="All kinds" />;
  }
  return <OfKind key={plural} plural={plural} />;
}

function OfKind({ plural }: { plural: Plural }) {
  const kind = useKind(plural) as unknown as Collection<AnyObject>;
  const create = isWritten(plural) && makes(`New ${kindNames[plural]}`, `/objects/${plural}/new`);
  return (
    <>
      <PageHead
        title={kindNames[plural]}
        back={{ href: "/objects", label: "All objects" }}
        lead={about[plural]}
      >
        {create}
      </PageHead>
      <KindTable
        of={kind}
        under={`/objects/${plural}`}
        empty={
          <EmptyState icon="box" title={`There is no ${kindNames[plural]}`} action={create}>
            <CopyText text={`weir explain ${kindNames[plural]}`} />
          </EmptyState>
        }
        search="Search name or label"
        textOf={(one) => `${one.metadata.name} ${labelsOf(one)}`}
        label={kindNames[plural]}
        columns={columns}
        rowHeight={44}
      />
    </>
  );
}
