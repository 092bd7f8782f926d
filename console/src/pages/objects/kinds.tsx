// Every kind that the API has: for what has no page of its own, and for who knows what he looks for.
import { kindNames, type Plural } from "../../api/kinds";
import { PageHead } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { about } from "./about";

const columns: Column<Plural>[] = [
  {
    key: "kind",
    title: "Kind",
    width: "minmax(0, 1fr)",
    sort: (one) => kindNames[one],
    cell: (one) => <b>{kindNames[one]}</b>,
  },
  {
    key: "about",
    title: "What it is",
    width: "minmax(0, 2fr)",
    cell: (one) => <span class="muted">{about[one]}</span>,
  },
  {
    key: "path",
    title: "In the API",
    width: "minmax(0, 1fr)",
    from: "tablet",
    cell: (one) => <code>/v1/{one}</code>,
  },
];

export default function AllKinds() {
  return (
    <>
      <PageHead title="All objects" lead="What the API has, kind by kind, as YAML." />
      <Table
        label="Kinds"
        columns={columns}
        rows={Object.keys(kindNames) as Plural[]}
        keyOf={(one) => one}
        hrefOf={(one) => `/objects/${one}`}
        sortBy="kind"
        rowHeight={44}
      />
    </>
  );
}
