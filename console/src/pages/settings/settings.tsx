// Who you are here, who else may do what, and what is kept for machines. Each part is a page of its own below.
import type { ComponentType } from "preact";
import type { PageProps } from "../../app/routes";
import { NotThere } from "../../ui/object";
import { PageHead } from "../../ui/page";
import { Tabs } from "../../ui/parts";
import { Account } from "./account";
import { Appearance } from "./appearance";
import { Certificates } from "./certificates";
import { Organizations } from "./organizations";
import { Secrets } from "./secrets";
import { Sessions } from "./sessions";
import { Tokens } from "./tokens";
import { Users } from "./users";

const parts: Record<string, [string, ComponentType]> = {
  "": ["Account", Account],
  sessions: ["Sessions", Sessions],
  tokens: ["Tokens", Tokens],
  people: ["People", Users],
  organizations: ["Organizations", Organizations],
  certificates: ["Certificates", Certificates],
  secrets: ["Secrets", Secrets],
  appearance: ["Appearance", Appearance],
};
const hrefOf = (part: string) => (part ? `/settings/${part}` : "/settings");

export default function Settings({ params }: PageProps) {
  const part = parts[params.section ?? ""];
  return (
    <>
      <PageHead title="Settings">
        <a class="button" href="/objects">
          All objects
        </a>
      </PageHead>
      <Tabs
        label="Settings"
        tabs={Object.entries(parts).map(([key, [title]]) => ({ href: hrefOf(key), title }))}
      />
      {part ? (
        <Part of={part[1]} />
      ) : (
        <NotThere what="such setting" href="/settings" others="To the account" />
      )}
    </>
  );
}

const Part = ({ of: One }: { of: ComponentType }) => <One />;
