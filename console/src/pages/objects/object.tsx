// Any object: as YAML with its status, and to be changed by a form that its schema makes, with a plan.
import type { PageProps } from "../../app/routes";
import { navigate, place } from "../../app/router";
import { type AnyObject, kindNames, type Kinds, type Plural } from "../../api/kinds";
import { NameField } from "../../ui/edit_page";
import { Editor, writable } from "../../ui/editor";
import { Icon } from "../../ui/icon";
import { askAndDelete, NotThere, ObjectPage, Writes } from "../../ui/object";
import { Card, Facts, PageHead } from "../../ui/page";
import { labelsOf } from "../../ui/parts";
import { SpecForm } from "../../ui/schema_form";
import { Time } from "../../ui/time";
import { printYaml } from "../../ui/yaml";
import { YamlEditor } from "../../ui/yaml_editor";
import { isWritten, pageOf } from "./about";

export default function AnyObjectPage({ params }: PageProps) {
  const plural = params.plural as Plural;
  if (!(plural in kindNames)) {
    return <NotThere what="such kind" href="/objects" others="All kinds" />;
  }
  return params.name ? <One key={plural} plural={plural} name={params.name} /> : <New plural={plural} />;
}

const back = (plural: Plural) => ({ href: `/objects/${plural}`, label: kindNames[plural] });

function New({ plural }: { plural: Plural }) {
  const start = { kind: kindNames[plural], metadata: { name: "" }, spec: {} } as AnyObject;
  return (
    <>
      <PageHead title={`New ${kindNames[plural]}`} back={back(plural)} />
      <Form plural={plural} start={start} isNew />
    </>
  );
}

function One({ plural, name }: { plural: Plural; name: string }) {
  return (
    <ObjectPage plural={plural} name={name} title={kindNames[plural]} under={`/objects/${plural}`}>
      {(object) => {
        if (!place.value.path.endsWith("/edit")) return <Detail plural={plural} object={object} />;
        return (
          <>
            <PageHead title={`Edit ${name}`} back={{ href: `/objects/${plural}/${name}`, label: name }} />
            <Form plural={plural} start={writable(object as AnyObject)} />
          </>
        );
      }}
    </ObjectPage>
  );
}

function Detail({ plural, object }: { plural: Plural; object: AnyObject }) {
  const { name, revision, created_at, updated_at, uid } = object.metadata;
  const better = pageOf(plural, name);
  const onDelete = async () => {
    if (
      await askAndDelete(
        plural,
        object,
        <>What refers to it keeps it from being deleted, and is named then.</>,
      )
    )
      navigate(`/objects/${plural}`);
  };
  const status = object.status !== undefined;
  return (
    <>
      <PageHead title={name} back={back(plural)}>
        {better && (
          <a class="button" href={better}>
            <Icon name="right" size={15} /> Its page
          </a>
        )}
        {isWritten(plural) && (
          <Writes edit={`/objects/${plural}/${encodeURIComponent(name)}/edit`} onDelete={onDelete} />
        )}
      </PageHead>
      <div class="stack">
        <Card>
          <Facts
            facts={[
              ["Kind", object.kind],
              ["Revision", revision],
              ["Changed", <Time at={updated_at} />],
              ["Created", <Time at={created_at} />],
              ["Labels", labelsOf(object)],
              ["Uid", uid ? <code>{uid}</code> : ""],
            ]}
          />
        </Card>
        <div class={`grid ${status ? "" : "one"}`}>
          <Card title="As it is wanted">
            <YamlEditor text={printYaml(writable(object))} label="YAML" readOnly />
          </Card>
          {status && (
            <Card title="As it is seen">
              <YamlEditor text={printYaml(object.status)} label="Status" readOnly />
            </Card>
          )}
        </div>
      </div>
    </>
  );
}

function Form({ plural, start, isNew = false }: { plural: Plural; start: AnyObject; isNew?: boolean }) {
  const kind = kindNames[plural] as Kinds[Plural]["kind"];
  return (
    <Editor
      start={start}
      verb={isNew ? "Create" : "Apply"}
      onDone={(value) =>
        navigate(
          pageOf(plural, value.metadata.name) ??
            `/objects/${plural}/${encodeURIComponent(value.metadata.name)}`,
        )
      }
    >
      {({ value, violations, onChange }) => (
        <>
          <Card title={kind}>
            <div class="fields">
              <NameField form={{ value, violations, onChange, isNew }} />
            </div>
          </Card>
          <Card title="What is wanted">
            <SpecForm kind={kind} value={value.spec} violations={violations} onChange={onChange} />
          </Card>
        </>
      )}
    </Editor>
  );
}
